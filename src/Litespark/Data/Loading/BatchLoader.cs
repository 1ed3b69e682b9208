using System.Runtime.ExceptionServices;

namespace Litespark.Data.Loading;

/// <summary>
/// Hands out the data of one training step after another, without end. One thread of its own fills the next step while
/// the current one is used; handing over allocates nothing. The rows and their order depend on the seed alone, not on
/// how they are cut into micro-batches.
/// </summary>
public sealed class BatchLoader : IDisposable
{
    readonly ITokenSource[] sources;
    readonly SourceMixer mixer;
    readonly bool documentMask;
    readonly long seed;
    readonly string corpus;
    readonly SourceState[] initial;
    readonly object gate = new();
    readonly Thread filler;
    StepBatch front;
    StepBatch back;
    bool backIsFull;
    bool consumed;
    bool disposed;
    Exception? failure;

    internal BatchLoader(
        IReadOnlyList<ITokenSource> sources, IReadOnlyList<double> weights, long seed, string corpus,
        int sequenceLength, int microBatchSize, int microBatchCount, bool documentMask, LoaderState? state)
    {
        this.sources = [.. sources];
        this.documentMask = documentMask;
        this.seed = seed;
        this.corpus = corpus;
        mixer = new SourceMixer(weights);
        initial = new SourceState[sources.Count];
        if (state is not null) Restore(state);
        CaptureStates(initial);
        front = new StepBatch(microBatchSize, microBatchCount, sequenceLength, sources.Count);
        back = new StepBatch(microBatchSize, microBatchCount, sequenceLength, sources.Count);
        filler = new Thread(FillSteps) { IsBackground = true, Name = "litespark data" };
        filler.Start();
    }

    /// <summary>
    /// Where the data stands behind the step that <see cref="Next"/> returned last (at the start if it has not been
    /// called): a loader given this state continues with the step after it.
    /// </summary>
    public LoaderState State => new(seed, corpus, [.. consumed ? front.StatesAfter : initial]);

    /// <summary>
    /// The next step's data. It stays valid until the next call, and is the loader's: do not dispose it.
    /// </summary>
    /// <exception cref="UserErrorException">The data turned out to be damaged.</exception>
    public StepBatch Next()
    {
        ObjectDisposedException.ThrowIf(disposed, this);
        lock (gate)
        {
            while (!backIsFull && failure is null) Monitor.Wait(gate);
            if (!backIsFull) ExceptionDispatchInfo.Throw(failure!);
            (front, back) = (back, front);
            backIsFull = false;
            consumed = true;
            Monitor.PulseAll(gate);
            return front;
        }
    }

    /// <summary>Stops the thread and frees the batches.</summary>
    public void Dispose()
    {
        lock (gate)
        {
            if (disposed) return;
            disposed = true;
            Monitor.PulseAll(gate);
        }
        filler.Join();
        front.Dispose();
        back.Dispose();
    }

    void Restore(LoaderState state)
    {
        if (state.Corpus != corpus || state.Sources.Count != sources.Length)
            throw new UserErrorException(
                $"The checkpoint was trained on another corpus ({state.Corpus}, {state.Sources.Count} source(s)) than the recipe names now ({corpus}, " +
                $"{sources.Length} source(s)): an exact resume needs the same files, tokenizer and data settings. Restore them, or start a new run from the checkpoint's weights.");
        if (state.Seed != seed)
            throw new UserErrorException($"The checkpoint's data was shuffled with seed {state.Seed}, the recipe says {seed}: resume with training.seed: {state.Seed}.");
        for (int i = 0; i < sources.Length; i++)
        {
            sources[i].Position = state.Sources[i].Position;
            mixer.Rows[i] = state.Sources[i].Rows;
        }
    }

    void CaptureStates(SourceState[] states)
    {
        for (int i = 0; i < sources.Length; i++) states[i] = new SourceState(sources[i].Position, mixer.Rows[i]);
    }

    void FillSteps()
    {
        try
        {
            while (true)
            {
                StepBatch step;
                lock (gate)
                {
                    while (backIsFull && !disposed) Monitor.Wait(gate);
                    if (disposed) return;
                    step = back;
                }
                Fill(step);
                lock (gate)
                {
                    backIsFull = true;
                    Monitor.PulseAll(gate);
                }
            }
        }
        catch (Exception e) // Whatever it is, it belongs to the thread that asks for the data.
        {
            lock (gate)
            {
                failure = e;
                Monitor.PulseAll(gate);
            }
        }
    }

    void Fill(StepBatch step)
    {
        long targets = 0;
        for (int i = 0; i < step.MicroBatches.Count; i++)
        {
            MicroBatch batch = step.MicroBatches[i];
            for (int row = 0; row < batch.Rows; row++) targets += RowPacker.Fill(sources[mixer.Next()], batch, row, documentMask);
        }
        step.TargetCount = targets;
        CaptureStates(step.StatesAfter);
    }
}
