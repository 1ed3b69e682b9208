using System.Buffers;
using System.Text;
using System.Text.Json;
using Litespark.Energy;
using Litespark.Energy.Clocks.Live;

namespace Litespark.Reporting;

/// <summary>How a run ended.</summary>
public enum TrainingOutcome
{
    /// <summary>All steps are done.</summary>
    Completed,

    /// <summary>A signal stopped it; the state is saved.</summary>
    Interrupted,

    /// <summary>It could not go on, as when the loss stops being a number.</summary>
    Failed,
}

/// <summary>The end of a run. What is unknown is null.</summary>
public sealed record TrainingSummary
{
    /// <summary>How it ended.</summary>
    public required TrainingOutcome Outcome { get; init; }

    /// <summary>The run folder.</summary>
    public required string Run { get; init; }

    /// <summary>The last whole checkpoint.</summary>
    public string? Checkpoint { get; init; }

    /// <summary>Whether the checkpoint can write text: it has a tokenizer. Not part of the JSON.</summary>
    public bool CanGenerate { get; init; } = true;

    /// <summary>Steps done over the whole run.</summary>
    public long Steps { get; init; }

    /// <summary>Tokens trained on over the whole run.</summary>
    public long Tokens { get; init; }

    /// <summary>Loss of the last step, in nats.</summary>
    public double? Loss { get; init; }

    /// <summary>Loss of the last evaluation, in nats.</summary>
    public double? EvalLoss { get; init; }

    /// <summary>Bits per byte of the last evaluation.</summary>
    public double? BitsPerByte { get; init; }

    /// <summary>Tokens per second of training time (evaluation and checkpoints left out).</summary>
    public double? TokensPerSecond { get; init; }

    /// <summary>Model FLOPs utilisation, 0 to 1.</summary>
    public double? Mfu { get; init; }

    /// <summary>Hardware FLOPs utilisation, 0 to 1.</summary>
    public double? Hfu { get; init; }

    /// <summary>Joules over the whole run.</summary>
    public double? Joules { get; init; }

    /// <summary>Where the joules come from: a constant of <see cref="Litespark.Energy.EnergySources"/>.</summary>
    public string? EnergySource { get; init; }

    /// <summary>By what joules become carbon and cost.</summary>
    public EnergyTerms EnergyTerms { get; init; } = EnergyTerms.Default;

    /// <summary>What was done to the GPUs' clocks; null where they were left alone. Not part of the JSON.</summary>
    public ClockReport? Clocks { get; init; }

    /// <summary>Wall time of this call.</summary>
    public TimeSpan Elapsed { get; init; }

    /// <summary>The object that <c>train --json</c> prints, on one line without a line break.</summary>
    public string ToJson()
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(buffer, JsonRows.Options))
        {
            writer.WriteStartObject();
            writer.WriteString("run"u8, Run);
            writer.WriteString("checkpoint"u8, Checkpoint);
            writer.WriteNumber("steps"u8, Steps);
            writer.WriteNumber("tokens"u8, Tokens);
            writer.WriteOptional("loss"u8, Loss);
            writer.WriteOptional("eval_loss"u8, EvalLoss);
            writer.WriteOptional("bits_per_byte"u8, BitsPerByte);
            writer.WriteOptional("tokens_per_second"u8, TokensPerSecond);
            writer.WriteOptional("mfu"u8, Mfu);
            writer.WriteOptional("hfu"u8, Hfu);
            writer.WriteOptional("joules"u8, Joules);
            writer.WriteString("energy_source"u8, EnergySource);
            writer.WriteOptional("grams_co2e"u8, Joules is { } carbon ? EnergyTerms.Grams(carbon) : null);
            writer.WriteOptional("cost"u8, Joules is { } paid ? EnergyTerms.Cost(paid) : null);
            writer.WriteEndObject();
        }

        return Encoding.UTF8.GetString(buffer.WrittenSpan);
    }
}
