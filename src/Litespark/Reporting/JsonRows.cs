using System.Text.Encodings.Web;
using System.Text.Json;

namespace Litespark.Reporting;

/// <summary>The objects that reports write as JSON.</summary>
internal static class JsonRows
{
    /// <summary>Paths and text stay readable; the output is never put into a web page.</summary>
    public static JsonWriterOptions Options => new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Writes the number, or null where it is unknown or not finite (JSON has no NaN).</summary>
    public static void WriteOptional(this Utf8JsonWriter writer, ReadOnlySpan<byte> name, double? value)
    {
        if (value is { } number && double.IsFinite(number)) writer.WriteNumber(name, number);
        else writer.WriteNull(name);
    }

    /// <summary>A training step; every key always present.</summary>
    public static void Write(Utf8JsonWriter writer, in StepMetrics row)
    {
        writer.WriteStartObject();
        writer.WriteNumber("step"u8, row.Step);
        writer.WriteNumber("tokens"u8, row.Tokens);
        writer.WriteOptional("loss"u8, row.Loss);
        writer.WriteOptional("grad_norm"u8, row.GradNorm);
        writer.WriteOptional("learning_rate"u8, row.LearningRate);
        writer.WriteOptional("step_ms"u8, row.StepMs);
        writer.WriteOptional("tokens_per_second"u8, row.TokensPerSecond);
        writer.WriteOptional("mfu"u8, row.Mfu);
        writer.WriteOptional("hfu"u8, row.Hfu);
        if (row.PeakMemoryBytes is { } bytes) writer.WriteNumber("peak_memory_bytes"u8, bytes);
        else writer.WriteNull("peak_memory_bytes"u8);
        writer.WriteOptional("joules"u8, row.Joules);
        writer.WriteOptional("joules_per_token"u8, row.JoulesPerToken);
        writer.WriteString("energy_source"u8, row.EnergySource);
        writer.WriteOptional("density"u8, row.Density);
        writer.WriteOptional("elapsed_seconds"u8, row.ElapsedSeconds);
        writer.WriteOptional("flops"u8, row.Flops);
        writer.WriteOptional("mask_churn"u8, row.MaskChurn);
        writer.WriteOptional("attention_share"u8, row.AttentionShare);
        writer.WriteEndObject();
    }

    /// <summary>A change of topology.</summary>
    public static void Write(Utf8JsonWriter writer, TopologyMetrics row)
    {
        writer.WriteStartObject();
        writer.WriteString("event"u8, "topology"u8);
        writer.WriteNumber("step"u8, row.Step);
        writer.WriteString("phase"u8, row.Phase);
        writer.WriteOptional("density"u8, row.Density);
        writer.WriteOptional("churn"u8, row.Churn);
        writer.WriteStartObject("layers"u8);
        foreach ((string name, double density) in row.Layers) writer.WriteNumber(name, density);
        writer.WriteEndObject();
        writer.WriteEndObject();
    }

    /// <summary>An evaluation; every key always present.</summary>
    public static void Write(Utf8JsonWriter writer, in EvalMetrics row)
    {
        writer.WriteStartObject();
        writer.WriteString("event"u8, "eval"u8);
        writer.WriteNumber("step"u8, row.Step);
        writer.WriteOptional("eval_loss"u8, row.EvalLoss);
        writer.WriteOptional("bits_per_byte"u8, row.BitsPerByte);
        writer.WriteEndObject();
    }
}
