namespace Litespark.Planning;

/// <summary>Which weights are block-sparse, and in what blocks. Which of their blocks are live is run-time content.</summary>
public sealed record SparsitySettings
{
    /// <summary>Rows of a block; those at the end of a canonical weight may have fewer.</summary>
    public required int BlockRows { get; init; }

    /// <summary>Columns of a block; the last of a row may have fewer.</summary>
    public required int BlockColumns { get; init; }

    /// <summary>Whether a canonical weight is sparse. The weights of one stored parameter (packed by a pass) must be all sparse or all dense.</summary>
    public required Func<string, bool> IsSparse { get; init; }
}
