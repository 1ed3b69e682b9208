using Litespark.Recipes.Schema;
using static Litespark.Recipes.Schema.DefinitionsOf<Litespark.Recipes.TrainingSection>;

namespace Litespark.Recipes;

/// <summary>What to do at a loss that is not finite or that explodes.</summary>
public enum OnNan
{
    /// <summary>Stop and name the last good checkpoint.</summary>
    Stop,

    /// <summary>Leave the update out and go on.</summary>
    Skip,
}

/// <summary>The recipe's <c>training</c> section.</summary>
public sealed record TrainingSection
{
    /// <summary>Optimiser steps to run.</summary>
    public int MaxSteps { get; init; } = 1000;

    /// <summary>Stop once this many tokens are trained on, if that is earlier; null = no limit.</summary>
    public long? MaxTokens { get; init; }

    /// <summary>Tokens of one sequence.</summary>
    public int SequenceLength { get; init; } = 256;

    /// <summary>Sequences that run through the model at once.</summary>
    public int MicroBatchSize { get; init; } = 8;

    /// <summary>Tokens of one optimiser step; null = one micro-batch.</summary>
    public int? GlobalBatchTokens { get; init; }

    /// <summary>Seed of the initial weights, the shuffling and the samples.</summary>
    public int Seed { get; init; } = 1;

    /// <summary>What to do at a loss that is not finite or that explodes.</summary>
    public OnNan OnNan { get; init; } = OnNan.Stop;

    /// <summary>A loss above this many times its running mean has exploded; 0 = never.</summary>
    public double LossSpikeFactor { get; init; } = 3;

    /// <summary>Tokens of one micro-batch: sequences × sequence length.</summary>
    public long MicroBatchTokens => (long)MicroBatchSize * SequenceLength;

    /// <summary>Micro-batches whose gradients add up to one optimiser step.</summary>
    public int GradientAccumulationSteps => GlobalBatchTokens is { } tokens ? (int)(tokens / MicroBatchTokens) : 1;

    internal static readonly Definition<TrainingSection>[] Definitions =
    [
        Key("max_steps", Kinds.Integer(1), s => s.MaxSteps, (s, v) => s with { MaxSteps = v },
            "Optimiser steps to run; the learning-rate schedule spans them."),
        Key("max_tokens", Kinds.Optional(Kinds.Long(1)), s => s.MaxTokens, (s, v) => s with { MaxTokens = v },
            "Stop once this many tokens are trained on, if that comes earlier; null = no limit."),
        Key("sequence_length", Kinds.Integer(1), s => s.SequenceLength, (s, v) => s with { SequenceLength = v },
            "Tokens of one sequence; at most the model's max_position_embeddings."),
        Key("micro_batch_size", Kinds.Integer(1), s => s.MicroBatchSize, (s, v) => s with { MicroBatchSize = v },
            "Sequences that run through the model at once; memory grows with it, the result does not change."),
        Key("global_batch_tokens", Kinds.Optional(Kinds.Integer(1)), s => s.GlobalBatchTokens, (s, v) => s with { GlobalBatchTokens = v },
            "Tokens of one optimiser step, a multiple of micro_batch_size × sequence_length (gradients are accumulated); null = one micro-batch."),
        Key("seed", Kinds.Integer(0), s => s.Seed, (s, v) => s with { Seed = v },
            "Seed of the initial weights, the order of the data and the samples."),
        Key("on_nan", Kinds.Choice(("stop", OnNan.Stop), ("skip", OnNan.Skip)), s => s.OnNan, (s, v) => s with { OnNan = v },
            "At a loss that is not finite or that explodes: stop and name the last good checkpoint, or skip the update and go on."),
        Key("loss_spike_factor", Kinds.Number(0), s => s.LossSpikeFactor, (s, v) => s with { LossSpikeFactor = v },
            "A loss above this many times its running mean counts as exploding; 0 = never."),
    ];
}
