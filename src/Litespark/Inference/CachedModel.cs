using Litespark.Planning;
using Litespark.Training;

namespace Litespark.Inference;

/// <summary>
/// A model on a device with the key/value cache of one text: takes tokens, gives the logits of the token that follows.
/// Once made it allocates no managed memory. Not thread-safe.
/// Shape legend: V vocabulary.
/// </summary>
public sealed class CachedModel : IDisposable
{
    /// <summary>Long, so that weights are packed seldom; longer ones gain little and take more workspace.</summary>
    const int LargestBucket = 1024;

    /// <summary>What each run costs besides its tokens, in tokens' time: all weights come from memory and are packed.</summary>
    const int RunOverhead = 32;

    readonly ILoadedProgram program;
    readonly StepPlan[] plans;
    readonly int[] buckets;
    readonly int[] tokens, positions;
    readonly float[] logits_V;
    readonly PersistentTensor tokensInput, positionsInput, rowInput, logitsOutput;

    /// <summary>Allocates the weights (zero) and the cache; fill the weights through <see cref="Weights"/>.</summary>
    /// <param name="device">Where it runs.</param>
    /// <param name="model">The model.</param>
    /// <param name="capacity">Tokens that the cache holds; at most the model's positions.</param>
    /// <param name="plan">Passes; all by default.</param>
    public CachedModel(IDevice device, ModelFunction model, int capacity, PlanOptions? plan = null)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(capacity);
        Capacity = capacity;
        buckets = Buckets(Math.Min(capacity, LargestBucket));
        program = device.Load(ProgramBuilder.Generation(model, plan ?? PlanOptions.Litespark, buckets, capacity, device.Profile));
        Weights = ParameterStore.Weights(program);
        plans = [.. buckets.Select(bucket => program.Program.Plans[ProgramBuilder.GenerationPlan(bucket)])];
        (tokens, positions) = (new int[buckets[^1]], new int[buckets[^1]]);
        PersistentLayout layout = program.Program.Layout;
        (tokensInput, positionsInput, logitsOutput) = (layout["tokens"], layout["positions"], layout["logits"]);
        rowInput = layout.Tensors.GetValueOrDefault("logits_row") ?? tokensInput; // only plans of several tokens have it
        logits_V = new float[logitsOutput.Type.Shape.Length];
    }

    /// <summary>The weights under their canonical names.</summary>
    public ITensorStore Weights { get; }

    /// <summary>Tokens that the cache can hold.</summary>
    public int Capacity { get; }

    /// <summary>Tokens in the cache.</summary>
    public int Length { get; private set; }

    /// <summary>Length of the logits.</summary>
    public int VocabSize => logits_V.Length;

    /// <summary>Logits [V] of the token after the last one; valid until the next <see cref="Append"/>.</summary>
    public ReadOnlySpan<float> Logits => logits_V;

    /// <summary>Bytes of weights, cache and workspace.</summary>
    public long MemoryBytes => program.Program.TotalBytes;

    /// <summary>Empties the cache: another text begins.</summary>
    public void Clear() => Length = 0;

    /// <summary>Runs the next tokens of the text through the model; however they are split into calls, the logits are the same up to rounding.</summary>
    /// <exception cref="ArgumentException">They don't fit into the cache, or one is not in the vocabulary; nothing has changed then.</exception>
    public void Append(ReadOnlySpan<int> next)
    {
        if (next.Length > Capacity - Length) throw new ArgumentException($"{next.Length} tokens behind {Length} don't fit into a cache of {Capacity}", nameof(next));
        foreach (int token in next)
            if ((uint)token >= (uint)VocabSize) throw new ArgumentException($"token {token} is not in the vocabulary of {VocabSize}", nameof(next));
        if (next.IsEmpty) return;
        while (!next.IsEmpty)
        {
            int index = ChooseBucket(next.Length), count = Math.Min(buckets[index], next.Length);
            Run(index, next[..count]);
            next = next[count..];
        }

        program.Read(logitsOutput, 0, logits_V.AsSpan());
    }

    /// <inheritdoc/>
    public void Dispose() => program.Dispose();

    /// <summary>
    /// The bucket to run next: the smallest that holds all, or, where its padding would cost more than a further run, the largest that
    /// they fill. It ends within the cache; the rows of the cache behind the last token that padding writes are written again, by the
    /// tokens that come there, before any token sees them.
    /// </summary>
    int ChooseBucket(int count)
    {
        int index = Holding(count);
        if (index > 0 && SplitCost(count, index) < RunCost(index)) index--;
        while (buckets[index] > Capacity - Length) index--;
        return index;
    }

    /// <summary>The smallest bucket that holds so many tokens, or the largest.</summary>
    int Holding(int count)
    {
        int index = 0;
        while (index + 1 < buckets.Length && buckets[index] < count) index++;
        return index;
    }

    /// <summary>Cost of one run, in tokens' time.</summary>
    int RunCost(int index) => buckets[index] + RunOverhead;

    /// <summary>Cost of running the next smaller bucket first.</summary>
    int SplitCost(int count, int index)
    {
        int rest = count - buckets[index - 1];
        if (rest <= 0 || count >= buckets[index]) return int.MaxValue;
        int next = Holding(rest);
        return RunCost(index - 1) + (next == 0 ? RunCost(0) : Math.Min(RunCost(next), SplitCost(rest, next)));
    }

    void Run(int index, ReadOnlySpan<int> next)
    {
        int bucket = buckets[index];
        for (int i = 0; i < bucket; i++)
        {
            tokens[i] = next[Math.Min(i, next.Length - 1)];
            positions[i] = Length + i;
        }

        program.Write<int>(tokensInput, 0, tokens.AsSpan(0, bucket));
        program.Write<int>(positionsInput, 0, positions.AsSpan(0, bucket));
        if (bucket > 1)
        {
            int row = next.Length - 1;
            program.Write<int>(rowInput, 0, new ReadOnlySpan<int>(in row));
        }

        program.Run(plans[index]);
        Length += next.Length;
    }

    /// <summary>1, 2, 4 … up to a limit.</summary>
    static int[] Buckets(int limit)
    {
        var sizes = new List<int>();
        for (int size = 1; size <= limit; size *= 2) sizes.Add(size);
        return [.. sizes];
    }
}
