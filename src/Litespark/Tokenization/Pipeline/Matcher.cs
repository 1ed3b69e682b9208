namespace Litespark.Tokenization.Pipeline;

/// <summary>A range [Start, End) of characters.</summary>
internal readonly record struct Piece(int Start, int End);

/// <summary>Finds the matches of a pattern, in order and without overlap.</summary>
internal abstract class Matcher
{
    /// <summary>Whether the matches always cover the whole text.</summary>
    public virtual bool CoversAll => false;

    /// <summary>
    /// Appends the matches in <paramref name="text"/>, shifted by <paramref name="offset"/>. Safe to call from several threads.
    /// </summary>
    public abstract void Match(ReadOnlySpan<char> text, int offset, List<Piece> matches);
}
