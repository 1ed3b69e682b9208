namespace Litespark.Data.Loading;

/// <summary>The data of one training step: the micro-batches whose gradients are accumulated.</summary>
public sealed class StepBatch : IDisposable
{
    readonly MicroBatch[] microBatches;

    internal StepBatch(int microBatchSize, int microBatchCount, int sequenceLength, int sources)
    {
        microBatches = new MicroBatch[microBatchCount];
        for (int i = 0; i < microBatchCount; i++) microBatches[i] = new MicroBatch(microBatchSize, sequenceLength);
        StatesAfter = new SourceState[sources];
    }

    /// <summary>In the order in which they are to be run; valid until the loader's next step.</summary>
    public IReadOnlyList<MicroBatch> MicroBatches => microBatches;

    /// <summary>Targets that count towards the loss, over all micro-batches: the loss's divisor.</summary>
    public long TargetCount { get; internal set; }

    /// <summary>Input tokens over all micro-batches.</summary>
    public long TokenCount => (long)microBatches.Length * microBatches[0].Length;

    /// <summary>Where the sources stand behind this step.</summary>
    internal SourceState[] StatesAfter { get; }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (MicroBatch batch in microBatches) batch.Dispose();
    }
}
