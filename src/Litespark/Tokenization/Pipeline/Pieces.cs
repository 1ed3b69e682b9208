namespace Litespark.Tokenization.Pipeline;

/// <summary>Text on its way through the pre-tokenizers: characters and the pieces that they are cut into. Buffers are reused.</summary>
internal sealed class Pieces
{
    List<char> text = [];
    List<char> rewritten = [];
    List<Piece> ranges = [];
    List<Piece> next = [];
    bool startsInput;

    /// <summary>The characters that <see cref="Ranges"/> refers to.</summary>
    public ReadOnlySpan<char> Text => System.Runtime.InteropServices.CollectionsMarshal.AsSpan(text);

    /// <summary>The pieces, in order; none is empty.</summary>
    public List<Piece> Ranges => ranges;

    /// <summary>Starts over with one piece; <paramref name="atStart"/> tells whether it is the beginning of the user's text.</summary>
    public void Reset(ReadOnlySpan<char> whole, bool atStart)
    {
        text.Clear();
        text.AddRange(whole);
        ranges.Clear();
        if (whole.Length > 0)
            ranges.Add(new Piece(0, whole.Length));
        startsInput = atStart;
    }

    /// <summary>Cuts every piece further.</summary>
    public void Cut(Action<ReadOnlySpan<char>, int, List<Piece>> cutter)
    {
        next.Clear();
        foreach (Piece piece in ranges)
            cutter(Text[piece.Start..piece.End], piece.Start, next);
        (ranges, next) = (next, ranges);
    }

    /// <summary>
    /// Rewrites every piece: <paramref name="rewriter"/> gets it, whether it begins the user's text, and where to append what it becomes.
    /// </summary>
    public void Rewrite(Action<ReadOnlySpan<char>, bool, List<char>> rewriter)
    {
        next.Clear();
        rewritten.Clear();
        foreach (Piece piece in ranges)
        {
            int start = rewritten.Count;
            rewriter(Text[piece.Start..piece.End], startsInput && piece.Start == 0, rewritten);
            next.Add(new Piece(start, rewritten.Count));
        }
        (ranges, next) = (next, ranges);
        (text, rewritten) = (rewritten, text);
    }
}
