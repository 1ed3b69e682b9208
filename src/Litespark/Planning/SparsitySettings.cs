namespace Litespark.Planning;

/// <summary>Which weights are block-sparse, and in what blocks, and whether attention may be sparse. Which blocks are live and which keys are seen is run-time content.</summary>
public sealed record SparsitySettings
{
    /// <summary>Rows of a block; those at the end of a canonical weight may have fewer.</summary>
    public int BlockRows { get; init; } = 1;

    /// <summary>Columns of a block; the last of a row may have fewer.</summary>
    public int BlockColumns { get; init; } = 1;

    /// <summary>Whether a canonical weight is sparse; none by default. The weights of one stored parameter (packed by a pass) must be all sparse or all dense.</summary>
    public Func<string, bool> IsSparse { get; init; } = _ => false;

    /// <summary>Whether attention has patterns, which the host writes; until it does, attention is dense.</summary>
    public bool SparseAttention { get; init; }
}
