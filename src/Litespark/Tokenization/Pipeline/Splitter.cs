namespace Litespark.Tokenization.Pipeline;

/// <summary>What becomes of the matches of a splitter's pattern; names as in tokenizer.json.</summary>
internal enum SplitBehavior
{
    /// <summary>Matches are dropped.</summary>
    Removed,

    /// <summary>Matches are pieces of their own.</summary>
    Isolated,

    /// <summary>A match is joined to the piece before it.</summary>
    MergedWithPrevious,

    /// <summary>A match is joined to the piece behind it.</summary>
    MergedWithNext,

    /// <summary>Neighbouring matches are one piece.</summary>
    Contiguous,
}

/// <summary>One stage between the normalizer and the model: cuts or rewrites the pieces.</summary>
internal abstract class PreTokenizer
{
    /// <summary>Applies the stage. Safe to call from several threads, each with its own <paramref name="pieces"/>.</summary>
    public abstract void Apply(Pieces pieces);
}

/// <summary>Cuts pieces where a pattern matches.</summary>
internal sealed class Splitter(Matcher matcher, SplitBehavior behavior, bool invert = false) : PreTokenizer
{
    readonly record struct Part(int Start, int End, bool IsDelimiter);

    /// <inheritdoc/>
    public override void Apply(Pieces pieces)
    {
        if (behavior == SplitBehavior.Isolated && matcher.CoversAll)
            pieces.Cut(matcher.Match);
        else
            pieces.Cut(Cut);
    }

    void Cut(ReadOnlySpan<char> text, int offset, List<Piece> output)
    {
        List<Part> parts = FindParts(text);
        switch (behavior)
        {
            case SplitBehavior.Isolated:
                parts.ForEach(part => output.Add(new Piece(offset + part.Start, offset + part.End)));
                break;
            case SplitBehavior.Removed:
                parts.ForEach(part => { if (!part.IsDelimiter) output.Add(new Piece(offset + part.Start, offset + part.End)); });
                break;
            case SplitBehavior.Contiguous:
                Join(parts, offset, output, (before, part) => before.IsDelimiter == part.IsDelimiter);
                break;
            case SplitBehavior.MergedWithPrevious:
                Join(parts, offset, output, (before, part) => part.IsDelimiter && !before.IsDelimiter);
                break;
            case SplitBehavior.MergedWithNext:
                Join(parts, offset, output, (before, part) => before.IsDelimiter && !part.IsDelimiter);
                break;
        }
    }

    static void Join(List<Part> parts, int offset, List<Piece> output, Func<Part, Part, bool> joined)
    {
        for (int i = 0; i < parts.Count; i++)
        {
            Part part = parts[i];
            if (i > 0 && joined(parts[i - 1], part))
                output[^1] = output[^1] with { End = offset + part.End };
            else
                output.Add(new Piece(offset + part.Start, offset + part.End));
        }
    }

    /// <summary>Matches and the gaps between them; empty ones are left out.</summary>
    List<Part> FindParts(ReadOnlySpan<char> text)
    {
        var matches = new List<Piece>();
        matcher.Match(text, 0, matches);
        var parts = new List<Part>(2 * matches.Count + 1);
        int end = 0;
        foreach (Piece match in matches)
        {
            if (match.Start > end)
                parts.Add(new Part(end, match.Start, invert));
            if (match.End > match.Start)
                parts.Add(new Part(match.Start, match.End, !invert));
            end = match.End;
        }
        if (end < text.Length)
            parts.Add(new Part(end, text.Length, invert));
        return parts;
    }
}
