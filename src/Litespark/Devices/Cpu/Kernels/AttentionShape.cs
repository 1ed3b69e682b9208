using Litespark.Graphs;

namespace Litespark.Devices.Cpu.Kernels;

/// <summary>
/// Sizes and mask of causal self-attention over a batch of sequences, shared by all kernels of one layer.
/// Query head h uses key/value head h / <see cref="Group"/> (grouped-query attention).
/// Query t of a sequence sees the keys <see cref="FirstKey"/> … t: its own document, at most the window, never the future,
/// always itself. A <see cref="Pattern"/> hides further keys, head by head.
/// </summary>
internal readonly unsafe struct AttentionShape
{
    /// <summary>B: sequences in the batch.</summary>
    public readonly int Sequences;

    /// <summary>T: tokens of a sequence.</summary>
    public readonly int Tokens;

    /// <summary>H: query heads.</summary>
    public readonly int Heads;

    /// <summary>Key/value heads, a divisor of <see cref="Heads"/>.</summary>
    public readonly int KeyValueHeads;

    /// <summary>Width of one head.</summary>
    public readonly int HeadDim;

    /// <summary>Positive factor on the scores before the softmax, usually 1/√head_dim.</summary>
    public readonly float Scale;

    /// <summary>A query sees at most this many keys, itself included; 0: no limit.</summary>
    public readonly int Window;

    /// <summary>[B·T] for each query row, the index within its sequence of the first key of its document (at most its own);
    /// null: one document per sequence. Read on every run.</summary>
    public readonly int* DocumentStarts;

    /// <summary>[4·H + 1] <see cref="AttentionPatternBuffer"/>; null: every head is dense. Read on every run.</summary>
    public readonly int* Pattern;

    /// <summary>Checks the sizes.</summary>
    /// <exception cref="ArgumentException">A size is below one, or the heads do not divide into groups.</exception>
    public AttentionShape(int sequences, int tokens, int heads, int keyValueHeads, int headDim, float scale,
        int window = 0, int* documentStarts = null, int* pattern = null)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(sequences, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(tokens, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(keyValueHeads, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(headDim, 1);
        ArgumentOutOfRangeException.ThrowIfNegative(window);
        if (heads < 1 || heads % keyValueHeads != 0)
            throw new ArgumentException($"{heads} query heads do not divide over {keyValueHeads} key/value heads.", nameof(heads));
        Sequences = sequences;
        Tokens = tokens;
        Heads = heads;
        KeyValueHeads = keyValueHeads;
        HeadDim = headDim;
        Scale = scale;
        Window = window;
        DocumentStarts = documentStarts;
        Pattern = pattern;
    }

    /// <summary>N = B·T: rows of q, k, v and o.</summary>
    public int Rows => Sequences * Tokens;

    /// <summary>Query heads per key/value head.</summary>
    public int Group => Heads / KeyValueHeads;

    /// <summary>The pattern of a query head.</summary>
    public AttentionPattern PatternOf(int head) => Pattern is null ? AttentionPattern.Dense : AttentionPatternBuffer.Read(PatternBuffer, head);

    /// <summary>Pairs may be left out whose weight is certain to be below this times that of one that stays; 0: none.</summary>
    public float Threshold => Pattern is null ? 0 : AttentionPatternBuffer.Threshold(PatternBuffer);

    /// <summary>Distance, in scores that are not scaled yet, from a row's reference down to what may be left out: ln(<see cref="Threshold"/>) / <see cref="Scale"/>; −∞: nothing may.</summary>
    public float ScoreThreshold => MathF.Log(Threshold) / Scale;

    ReadOnlySpan<int> PatternBuffer => new(Pattern, AttentionPatternBuffer.Length(Heads));

    /// <summary>First key that query <paramref name="token"/> of a sequence sees in a dense head; the last one is the token itself.</summary>
    public int FirstKey(int sequence, int token)
    {
        int first = DocumentStarts is null ? 0 : DocumentStarts[(nint)sequence * Tokens + token];
        return Window > 0 ? Math.Max(first, token - Window + 1) : first;
    }

    /// <summary>
    /// Writes, for each token t from <paramref name="from"/> to <paramref name="to"/> of a sequence, the first key that it sees under a pattern and the
    /// one behind the last, from first[0] and end[0] on; returns how many a dense head would see.
    /// </summary>
    public long FillRanges(int sequence, in AttentionPattern pattern, int from, int to, int* first, int* end)
    {
        long visible = 0;
        bool dense = pattern.Mode == AttentionMode.Causal;
        // The same for all tokens of a block that see the same document: divisions take long.
        int firstVisible = 0, since = -1, blockEnd = from;
        for (int t = from; t < to; t++)
        {
            int firstKey = FirstKey(sequence, t);
            visible += t + 1 - firstKey;
            if (dense) firstVisible = firstKey;
            else if (t >= blockEnd || firstKey != since) (firstVisible, since, blockEnd) = (pattern.FirstVisible(t, firstKey), firstKey, pattern.BlockEnd(t));
            *first++ = firstVisible;
            *end++ = t + 1;
        }
        return visible;
    }

    /// <summary>Query-key pairs that are not masked in one sequence of one document: the causal (and windowed) area.</summary>
    public static long LivePairs(int tokens, int window = 0)
    {
        long full = window > 0 ? Math.Min(tokens, window) : tokens;
        return full * (full + 1) / 2 + (tokens - full) * full;
    }

    /// <summary>FLOPs of the forward pass over all sequences, one document each: two products over the live pairs.</summary>
    public double ForwardFlops => 4.0 * HeadDim * Heads * Sequences * LivePairs(Tokens, Window);

    /// <summary>FLOPs of the backward pass that recomputes the scores: five products over the live pairs.</summary>
    public double GradientFlops => 10.0 * HeadDim * Heads * Sequences * LivePairs(Tokens, Window);

    /// <summary>Checks one operand of an attention kernel.</summary>
    /// <exception cref="ArgumentException">It has other rows or columns than this shape asks for.</exception>
    public void Check(Matrix operand, int heads, string name)
    {
        if (operand.Rows != Rows || operand.Columns != heads * HeadDim)
            throw new ArgumentException($"{name} is [{operand.Rows}, {operand.Columns}], not [{Rows}, {heads * HeadDim}].", name);
    }
}
