namespace Litespark.Graphs;

/// <summary>Which keys an attention pattern lets a query see, of those up to itself.</summary>
public enum AttentionMode
{
    /// <summary>All: dense causal attention.</summary>
    Causal = 0,

    /// <summary>The last ones: t − window &lt; j.</summary>
    Local = 1,

    /// <summary>Every stride-th one: (t − j) mod stride = 0.</summary>
    Strided = 2,

    /// <summary>Local or strided: what two heads of a Sparse Transformer see together (Child et al. 2019).</summary>
    LocalOrStrided = 3,

    /// <summary>Those of the same piece of window tokens, ⌊j / window⌋ = ⌊t / window⌋, and the last one of every piece (Child et al. 2019).</summary>
    Fixed = 4,
}

/// <summary>
/// Which keys j ≤ t the query t of a row sees: the definition that kernels, FLOP accounting and tests share. Tokens count from the start of
/// the row, not of the document, so that the patterns of all documents fall on the same tiles; documents, and a model's own sliding window,
/// hide further keys. Every query sees itself.
/// <para>With a <see cref="Block"/> b above 1 the pattern is that of the blocks ⌊t / b⌋ and ⌊j / b⌋, with a window of ⌈window / b⌉ blocks (the
/// query's own is one of them) and a stride of ⌈stride / b⌉ blocks, and causality is still that of tokens: whole tiles are visible or hidden,
/// and cost nothing where they are hidden if b is a multiple of what a kernel computes at once (on the CPU, of 48 for every kind of register; on a GPU, of 64).
/// With b = 1 patterns are as published.</para>
/// <para>Every mode has one form: a run of keys that ends with the query itself (<see cref="RunStart"/>), and before it blocks that lie
/// <see cref="Step"/> apart.</para>
/// </summary>
public readonly record struct AttentionPattern
{
    /// <summary>Dense causal attention.</summary>
    public static readonly AttentionPattern Dense;

    /// <summary>Largest size: sums of sizes and tokens stay integers of 32 bits.</summary>
    public const int MostTokens = 1 << 28;

    /// <summary>Makes a pattern; what its mode does not use is ignored.</summary>
    /// <param name="mode">Which keys are seen.</param>
    /// <param name="window">Tokens of the window, or of a piece in <see cref="AttentionMode.Fixed"/>.</param>
    /// <param name="stride">Tokens from one strided key to the next.</param>
    /// <param name="block">Tokens that are seen or hidden together; 1 = each by itself.</param>
    /// <exception cref="ArgumentOutOfRangeException">There is no such mode, or a size that it uses is below 1 or above <see cref="MostTokens"/>.</exception>
    public AttentionPattern(AttentionMode mode, int window, int stride, int block)
    {
        if (mode == AttentionMode.Causal) return;
        if (mode is < AttentionMode.Causal or > AttentionMode.Fixed) throw new ArgumentOutOfRangeException(nameof(mode), mode, "not a mode of attention");
        Check(block, nameof(block));
        (Mode, Block, RunBlocks) = (mode, block, 1);
        if (mode != AttentionMode.Strided)
        {
            Check(window, nameof(window));
            (Window, RunBlocks) = (window, Blocks(window, block));
        }

        if (mode == AttentionMode.Fixed) Step = RunBlocks;
        if (mode is AttentionMode.Strided or AttentionMode.LocalOrStrided)
        {
            Check(stride, nameof(stride));
            (Stride, Step) = (stride, Blocks(stride, block));
        }
    }

    /// <summary>Which keys are seen.</summary>
    public AttentionMode Mode { get; }

    /// <summary>Tokens of the window or piece; 0 where the mode has none.</summary>
    public int Window { get; }

    /// <summary>Tokens from one strided key to the next; 0 where the mode has none.</summary>
    public int Stride { get; }

    /// <summary>Tokens that are seen or hidden together; 0 in dense attention.</summary>
    public int Block { get; }

    /// <summary>Blocks from one visible block before the run to the next; 0: there is none.</summary>
    public int Step { get; }

    /// <summary>Blocks of the window, or of a piece; the query's own is one of them.</summary>
    internal int RunBlocks { get; }

    /// <summary>First key of the run of visible keys that ends with the query t itself.</summary>
    public int RunStart(int t)
    {
        if (Mode == AttentionMode.Causal) return 0;
        int block = t / Block;
        return (Mode == AttentionMode.Fixed ? block - block % RunBlocks : Math.Max(0, block - RunBlocks + 1)) * Block;
    }

    /// <summary>Whether query t sees key j.</summary>
    public bool Allows(int t, int j) => j >= 0 && j <= t && (j >= RunStart(t) || (Step > 0 && j / Block % Step == Residue(t)));

    /// <summary>First key, from <paramref name="from"/> ≤ t on, that query t sees.</summary>
    public int FirstVisible(int t, int from)
    {
        int start = RunStart(t);
        if (from >= start || Step == 0) return Math.Max(from, start);
        int block = from / Block, away = Residue(t) - block % Step;
        return Math.Min(start, Math.Max(from, (away < 0 ? block + away + Step : block + away) * Block));
    }

    /// <summary>Number of keys in [from, to) that query t sees; 0 ≤ from, to ≤ t + 1.</summary>
    public int Count(int t, int from, int to)
    {
        int start = RunStart(t), near = Math.Max(0, to - Math.Max(from, start));
        return Step == 0 || from >= Math.Min(to, start) ? near : near + CountBefore(t, Math.Min(to, start)) - CountBefore(t, from);
    }

    /// <summary>Query–key pairs of a row of so many tokens in one document that are seen.</summary>
    /// <param name="tokens">Tokens of the row.</param>
    /// <param name="slidingWindow">Keys that the model itself lets a query see; 0 = all.</param>
    public long LivePairs(int tokens, int slidingWindow = 0)
    {
        long pairs = 0;
        for (int t = 0; t < tokens; t++) pairs += Count(t, slidingWindow > 0 ? Math.Max(0, t - slidingWindow + 1) : 0, t + 1);
        return pairs;
    }

    /// <summary>Share of the causal (and windowed) pairs of a row in one document that are seen.</summary>
    /// <param name="tokens">Tokens of the row.</param>
    /// <param name="slidingWindow">Keys that the model itself lets a query see; 0 = all.</param>
    public double Share(int tokens, int slidingWindow = 0) => (double)LivePairs(tokens, slidingWindow) / Dense.LivePairs(tokens, slidingWindow);

    /// <summary>First token behind the block of token t: up to there, queries see the same keys before their own block.</summary>
    internal int BlockEnd(int t) => Mode == AttentionMode.Causal ? int.MaxValue : (t / Block + 1) * Block;

    /// <summary>Visible blocks before the run have this remainder by <see cref="Step"/>, which must not be 0.</summary>
    internal int Residue(int t) => Mode == AttentionMode.Fixed ? Step - 1 : t / Block % Step;

    /// <summary>Visible keys below <paramref name="end"/>, which lies before the run.</summary>
    int CountBefore(int t, int end)
    {
        int block = end / Block, residue = Residue(t);
        int whole = block > residue ? (block - residue - 1) / Step + 1 : 0;
        return whole * Block + (block % Step == residue ? end - block * Block : 0);
    }

    static int Blocks(int tokens, int block) => (tokens + block - 1) / block;

    static void Check(int size, string name)
    {
        if (size is < 1 or > MostTokens) throw new ArgumentOutOfRangeException(name, size, $"expected 1 to {MostTokens}");
    }
}
