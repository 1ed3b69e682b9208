namespace Litespark.Tokenization.Pipeline;

/// <summary>Which pieces get a leading space marker.</summary>
internal enum PrependScheme
{
    /// <summary>Every piece.</summary>
    Always,

    /// <summary>Only the one that begins the text.</summary>
    First,

    /// <summary>None.</summary>
    Never,
}

/// <summary>Writes spaces as a visible marker (SentencePiece's ▁), puts one before the text, and may cut before each.</summary>
internal sealed class Metaspace(char marker, PrependScheme scheme, bool split) : PreTokenizer
{
    readonly Splitter? splitter = split ? new Splitter(new LiteralMatcher(marker.ToString()), SplitBehavior.MergedWithNext) : null;

    /// <inheritdoc/>
    public override void Apply(Pieces pieces)
    {
        pieces.Rewrite(Mark);
        splitter?.Apply(pieces);
    }

    void Mark(ReadOnlySpan<char> piece, bool atStart, List<char> output)
    {
        bool marked = piece[0] == ' ' || piece[0] == marker;
        if (!marked && (scheme == PrependScheme.Always || (scheme == PrependScheme.First && atStart)))
            output.Add(marker);
        foreach (char c in piece)
            output.Add(c == ' ' ? marker : c);
    }
}

/// <summary>GPT-2's optional first step: a space before a piece that has none.</summary>
internal sealed class SpacePrefix : PreTokenizer
{
    /// <inheritdoc/>
    public override void Apply(Pieces pieces) => pieces.Rewrite(Prefix);

    static void Prefix(ReadOnlySpan<char> piece, bool atStart, List<char> output)
    {
        if (piece[0] != ' ')
            output.Add(' ');
        output.AddRange(piece);
    }
}
