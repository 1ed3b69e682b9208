namespace Litespark.Reporting;

/// <summary>One row of <c>metrics.jsonl</c>: what a training step did. What is unknown is null.</summary>
public readonly record struct StepMetrics
{
    /// <summary>Number of the step, from 1.</summary>
    public required long Step { get; init; }

    /// <summary>Tokens trained on so far, over the whole run.</summary>
    public required long Tokens { get; init; }

    /// <summary>Mean loss over the step's unmasked targets, in nats.</summary>
    public required double Loss { get; init; }

    /// <summary>Global gradient norm before clipping.</summary>
    public double? GradNorm { get; init; }

    /// <summary>Learning rate of this step.</summary>
    public double? LearningRate { get; init; }

    /// <summary>Wall time of the step in milliseconds.</summary>
    public double? StepMs { get; init; }

    /// <summary>Tokens of the step over its wall time.</summary>
    public double? TokensPerSecond { get; init; }

    /// <summary>Model FLOPs utilisation, 0 to 1.</summary>
    public double? Mfu { get; init; }

    /// <summary>Hardware FLOPs utilisation, 0 to 1.</summary>
    public double? Hfu { get; init; }

    /// <summary>Peak memory of the arenas in bytes.</summary>
    public long? PeakMemoryBytes { get; init; }

    /// <summary>Joules used so far, over the whole run.</summary>
    public double? Joules { get; init; }

    /// <summary>Joules per token over a trailing window of five seconds or more.</summary>
    public double? JoulesPerToken { get; init; }

    /// <summary>Where the joules come from: a constant of <see cref="Litespark.Energy.EnergySources"/>.</summary>
    public string? EnergySource { get; init; }

    /// <summary>Share of live weights under sparse training, 0 to 1; 1 when dense.</summary>
    public double? Density { get; init; }

    /// <summary>Wall time in seconds from when this process began to train to when the joules were read, whatever happened in it.</summary>
    public double? ElapsedSeconds { get; init; }

    /// <summary>FLOPs executed so far, over the whole run: sparse work as executed.</summary>
    public double? Flops { get; init; }

    /// <summary>Share of live blocks that a change of topology in this step exchanged; null where there was none.</summary>
    public double? MaskChurn { get; init; }

    /// <summary>Share of the causal area that attention computes, the mean of the step's micro-batches; 1 when dense.</summary>
    public double? AttentionShare { get; init; }
}

/// <summary>A row of <c>metrics.jsonl</c> about a change of topology in sparse training.</summary>
public sealed record TopologyMetrics
{
    /// <summary>Step whose gradients it was made by.</summary>
    public required long Step { get; init; }

    /// <summary>Phase of sparse training: <c>dense_start</c>, <c>warm_up</c>, <c>ultra_sparse</c>, <c>restoration</c>, <c>dense_end</c>.</summary>
    public required string Phase { get; init; }

    /// <summary>Share of live weights among those that may die.</summary>
    public required double Density { get; init; }

    /// <summary>Share of live blocks that were exchanged.</summary>
    public required double Churn { get; init; }

    /// <summary>Share of live weights of every sparse weight, by its canonical name.</summary>
    public required IReadOnlyList<(string Name, double Density)> Layers { get; init; }
}

/// <summary>An evaluation row of <c>metrics.jsonl</c>.</summary>
public readonly record struct EvalMetrics
{
    /// <summary>Steps done before the evaluation; 0 = before the first.</summary>
    public required long Step { get; init; }

    /// <summary>Mean loss over the validation targets, in nats.</summary>
    public required double EvalLoss { get; init; }

    /// <summary>The loss in bits for each byte of validation text; null where the bytes are not known.</summary>
    public double? BitsPerByte { get; init; }
}
