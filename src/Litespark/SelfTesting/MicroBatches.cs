using System.Diagnostics;
using System.Text.Json.Nodes;
using Litespark.Benchmarking;
using Litespark.Energy;
using Litespark.Planning;

namespace Litespark.SelfTesting;

/// <summary>A model's step at micro-batches that the device's memory holds.</summary>
internal static class MicroBatches
{
    /// <summary>A GPU's energy counter steps about every 100 ms: windows of less than five seconds say little.</summary>
    static readonly TimeSpan measured = TimeSpan.FromSeconds(3), withEnergy = TimeSpan.FromSeconds(6);

    /// <summary>The micro-batch that was asked for, or the largest of its halves that fits; null where one sequence does not.</summary>
    public static SelfTestModel? Fitting(SelfTestContext context, SelfTestModel model, Func<BenchmarkWorkload, StepProgram[]> programs)
    {
        for (; model.MicroBatch > 0; model = model with { MicroBatch = model.MicroBatch / 2 })
        {
            context.Deadline.ThrowIfCancellationRequested();
            if (context.Fits(programs(Workload(context, model)))) return model;
        }

        return null;
    }

    /// <summary>What both plans do alike.</summary>
    public static BenchmarkWorkload Workload(SelfTestContext context, SelfTestModel model) => BenchmarkWorkload.Of(BenchStage.Recipe(model, context), context.Device);

    /// <summary>
    /// Times a plan from the micro-batch that was asked for, doubled until memory is full; of a device without a memory of its own that one
    /// alone. A plan's first size brings its kernels too. <paramref name="losses"/> holds the first loss by micro-batch: plans must agree.
    /// </summary>
    public static void Sweep(SelfTestContext context, SelfTestModel model, string name, Func<BenchmarkWorkload, PlanOptions> plan, Dictionary<int, double> losses)
    {
        if (Fitting(context, model, workload => [workload.Build(plan(workload))]) is not { } first)
        {
            context.Add(true, Line(model, name, "one sequence does not fit"));
            return;
        }

        for (SelfTestModel next = first; context.HasTime(); next = next with { MicroBatch = 2 * next.MicroBatch })
        {
            BenchmarkWorkload workload = Workload(context, next);
            if (next != first && !context.Fits(workload.Build(plan(workload))))
            {
                context.Add(true, Line(next, name, "does not fit"));
                return;
            }

            context.Status($"bench: {next.Preset}, {name}, {next.MicroBatch} × {next.SequenceLength}");
            Measure(context, next, name, workload, plan(workload), next == first, losses);
            if (context.IsProcessor) return;
        }
    }

    static void Measure(SelfTestContext context, SelfTestModel model, string name, BenchmarkWorkload workload, PlanOptions plan, bool withKernels, Dictionary<int, double> losses)
    {
        using IEnergyMeter meter = EnergyMeters.Open(Training.RecipeSettings.Energy(workload.Recipe.Energy, context.Device));
        using BenchmarkSubject subject = workload.Load(plan);
        var peaks = new DevicePeaks(context.Device);
        subject.WarmUp(3, TimeSpan.FromSeconds(0.5), context.Deadline); // call by call, recorded, as a recording
        var clock = Stopwatch.StartNew();
        EnergyWindow window = EnergyWindow.Begin(meter);
        do
        {
            peaks.Sample(); // a processor's changes from moment to moment
            subject.Turn(meter, context.Deadline);
            peaks.Sample();
        }
        while (clock.Elapsed < (meter.IsEstimate ? measured : withEnergy));
        EnergyReading used = window.End();
        PlanFigures figures = subject.Figures(peaks, Environment.WorkingSet);
        JsonObject line = Line(model, name, leftOut: null);
        (line["step_ms"], line["tokens_per_second"], line["mfu"], line["hfu"]) = (figures.StepMs, figures.TokensPerSecond, figures.Mfu, figures.Hfu);
        (line["peak_memory_bytes"], line["steps"], line["first_loss"]) = (figures.PeakMemoryBytes, figures.Steps, subject.FirstLoss);
        if (!meter.IsEstimate)
        {
            (line["joules_per_token"], line["watts"], line["energy_seconds"]) = (used.IsImprecise ? null : used.Joules / (figures.Steps * workload.Tokens), used.Joules / used.Seconds, used.Seconds);
            line["energy_source"] = meter.Source;
        }

        line["libraries"] = new JsonArray([.. subject.Program.Libraries.Select(library => (JsonNode)library)]);
        if (withKernels)
        {
            line["kernels"] = new JsonArray([.. KernelProfile.Measure(subject.Program, rounds: 3, subject.Live, context.Deadline).Select(kernel => new JsonObject
            {
                ["name"] = kernel.Name, ["phase"] = kernel.Phase.ToString().ToLowerInvariant(), ["calls"] = kernel.Calls, ["ms"] = kernel.Ms, ["gflop"] = kernel.Gflop, ["megabytes"] = kernel.Megabytes,
            })]);
        }

        bool agrees = !losses.TryGetValue(model.MicroBatch, out double other) || PlanBenchmark.Agree(subject.FirstLoss, other, context.Device.Profile.Precision);
        losses[model.MicroBatch] = subject.FirstLoss;
        if (!agrees) line["error"] = $"the other plan's first loss is {other}";
        context.Add(agrees, line);
    }

    static JsonObject Line(SelfTestModel model, string plan, string? leftOut)
    {
        var line = new JsonObject { ["model"] = model.Preset, ["plan"] = plan, ["sequence_length"] = model.SequenceLength, ["micro_batch"] = model.MicroBatch };
        if (leftOut is not null) line["left_out"] = leftOut;
        return line;
    }
}
