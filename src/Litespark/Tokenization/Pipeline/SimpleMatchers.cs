using System.Globalization;
using System.Text;

namespace Litespark.Tokenization.Pipeline;

/// <summary>Matches every single code point that satisfies a predicate.</summary>
internal sealed class RuneMatcher(Func<Rune, bool> predicate) : Matcher
{
    /// <summary>Numbers of every script (Unicode categories N*).</summary>
    public static RuneMatcher Numbers { get; } = new(Rune.IsNumber);

    /// <summary>White space.</summary>
    public static RuneMatcher WhiteSpace { get; } = new(Rune.IsWhiteSpace);

    /// <summary>Punctuation: Unicode categories P* and all of ASCII's symbols.</summary>
    public static RuneMatcher Punctuation { get; } = new(IsPunctuation);

    /// <inheritdoc/>
    public override void Match(ReadOnlySpan<char> text, int offset, List<Piece> matches)
    {
        for (int i = 0; i < text.Length;)
        {
            Rune rune = EscapedText.RuneAt(text, i);
            int end = i + rune.Utf16SequenceLength;
            if (predicate(rune))
                matches.Add(new Piece(offset + i, offset + end));
            i = end;
        }
    }

    static bool IsPunctuation(Rune rune) =>
        Rune.IsPunctuation(rune)
        || (rune.IsAscii && Rune.GetUnicodeCategory(rune) is >= UnicodeCategory.MathSymbol and <= UnicodeCategory.OtherSymbol);
}

/// <summary>Matches a fixed string.</summary>
internal sealed class LiteralMatcher(string literal) : Matcher
{
    /// <inheritdoc/>
    public override void Match(ReadOnlySpan<char> text, int offset, List<Piece> matches)
    {
        for (int start = 0; ;)
        {
            int found = text[start..].IndexOf(literal, StringComparison.Ordinal);
            if (found < 0)
                return;
            matches.Add(new Piece(offset + start + found, offset + start + found + literal.Length));
            start += found + literal.Length;
        }
    }
}
