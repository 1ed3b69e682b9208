using System.Globalization;
using System.Text.RegularExpressions;

namespace Litespark.Tokenization.Pipeline;

/// <summary>
/// Matches any regular expression. .NET's expressions see a code point beyond the basic plane as two surrogates; so that \p{L} and
/// its like hold for those too, the expression runs over a stand-in text in which each is one character of the same category.
/// </summary>
internal sealed class RegexMatcher : Matcher
{
    static readonly char[] StandIns = FindStandIns();

    readonly Regex regex;

    /// <summary>Compiles <paramref name="pattern"/>, written in the dialect of tokenizer.json.</summary>
    /// <exception cref="ArgumentException">The pattern can't be understood.</exception>
    public RegexMatcher(string pattern)
    {
        regex = new Regex(PatternTranslator.Translate(pattern), PatternTranslator.Options | RegexOptions.Compiled);
    }

    /// <inheritdoc/>
    public override void Match(ReadOnlySpan<char> text, int offset, List<Piece> matches)
    {
        if (text.ContainsAnyInRange('\uD800', '\uDBFF'))
        {
            MatchStandIn(text, offset, matches);
            return;
        }
        foreach (ValueMatch match in regex.EnumerateMatches(text))
            matches.Add(new Piece(offset + match.Index, offset + match.Index + match.Length));
    }

    void MatchStandIn(ReadOnlySpan<char> text, int offset, List<Piece> matches)
    {
        var standIn = new char[text.Length];
        var origin = new int[text.Length + 1];
        int count = 0;
        for (int i = 0; i < text.Length; count++)
        {
            origin[count] = i;
            if (char.IsHighSurrogate(text[i]) && i + 1 < text.Length && char.IsLowSurrogate(text[i + 1]))
            {
                int codePoint = char.ConvertToUtf32(text[i], text[i + 1]);
                standIn[count] = StandIns[(int)CharUnicodeInfo.GetUnicodeCategory(codePoint)];
                i += 2;
            }
            else
            {
                standIn[count] = text[i++];
            }
        }
        origin[count] = text.Length;
        foreach (ValueMatch match in regex.EnumerateMatches(standIn.AsSpan(0, count)))
            matches.Add(new Piece(offset + origin[match.Index], offset + origin[match.Index + match.Length]));
    }

    /// <summary>For each category the last character of the basic plane that has it: rare ones, which no pattern names.</summary>
    static char[] FindStandIns()
    {
        var standIns = new char[(int)UnicodeCategory.OtherNotAssigned + 1];
        for (int c = 0; c < char.MaxValue; c++)
            standIns[(int)CharUnicodeInfo.GetUnicodeCategory((char)c)] = (char)c;
        return standIns;
    }
}
