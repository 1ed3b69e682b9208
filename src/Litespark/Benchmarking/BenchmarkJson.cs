using System.Text.Json;
using Litespark.Energy.Comparison;
using Litespark.Reporting;

namespace Litespark.Benchmarking;

/// <summary>The report as JSON.</summary>
internal static class BenchmarkJson
{
    /// <summary>Writes the members of the report's object.</summary>
    public static void WriteMembers(Utf8JsonWriter writer, BenchmarkReport report)
    {
        writer.WriteStartObject("machine");
        writer.WriteString("name", report.Machine);
        writer.WriteNumber("threads", report.Threads);
        writer.WriteOptional("peak_tflops"u8, report.PeakFlops / 1e12);
        writer.WriteEndObject();
        writer.WriteString("model", report.Model);
        writer.WriteNumber("micro_batch", report.MicroBatch);
        writer.WriteNumber("sequence_length", report.SequenceLength);
        writer.WriteStartObject("plans");
        WritePlan(writer, "baseline", report.Baseline, report.Energy.A);
        WritePlan(writer, "litespark", report.Litespark, report.Energy.B);
        writer.WriteEndObject();
        writer.WriteNumber("speedup", report.Speedup);
        writer.WriteStartArray("passes");
        foreach (PassFigures pass in report.Passes)
        {
            writer.WriteStartObject();
            writer.WriteString("name", pass.Name);
            writer.WriteNumber("speedup", pass.Speedup);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
        writer.WriteStartArray("kernels");
        foreach (KernelFigures kernel in report.Kernels) WriteKernel(writer, kernel);
        writer.WriteEndArray();
    }

    static void WritePlan(Utf8JsonWriter writer, string name, PlanFigures plan, EnergySeries energy)
    {
        writer.WriteStartObject(name);
        writer.WriteNumber("tokens_per_second", plan.TokensPerSecond);
        writer.WriteNumber("step_ms", plan.StepMs);
        writer.WriteNumber("peak_memory_bytes", plan.PeakMemoryBytes);
        writer.WriteNumber("resident_bytes", plan.ResidentBytes);
        writer.WriteOptional("mfu"u8, plan.Mfu);
        writer.WriteOptional("hfu"u8, plan.Hfu);
        writer.WriteOptional("joules_per_token"u8, energy.IsImprecise ? null : energy.JoulesPerToken.Mean);
        writer.WriteString("energy_source", energy.Source);
        writer.WriteNumber("allocated_bytes_per_step", plan.AllocatedBytesPerStep);
        writer.WriteEndObject();
    }

    static void WriteKernel(Utf8JsonWriter writer, KernelFigures kernel)
    {
        writer.WriteStartObject();
        writer.WriteString("name", kernel.Name);
        writer.WriteString("phase", kernel.Phase.ToString().ToLowerInvariant());
        writer.WriteNumber("calls", kernel.Calls);
        writer.WriteNumber("ms", kernel.Ms);
        writer.WriteNumber("gflop", kernel.Gflop);
        writer.WriteNumber("megabytes", kernel.Megabytes);
        writer.WriteNumber("gflops_per_second", kernel.GflopsPerSecond);
        writer.WriteNumber("share", kernel.Share);
        writer.WriteEndObject();
    }
}
