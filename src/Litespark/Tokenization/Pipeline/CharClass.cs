using System.Globalization;

namespace Litespark.Tokenization.Pipeline;

/// <summary>The four kinds of characters that GPT-style patterns tell apart: \p{L}, \p{N}, \s, and everything else.</summary>
internal static class CharClass
{
    public const byte Other = 0;
    public const byte Letter = 1;
    public const byte Number = 2;
    public const byte Space = 3;

    static readonly byte[] BasicPlane = BuildBasicPlane();

    /// <summary>The kind of the code point at <paramref name="index"/>, and its length in UTF-16 units.</summary>
    public static byte At(ReadOnlySpan<char> text, int index, out int length)
    {
        char c = text[index];
        if (char.IsHighSurrogate(c) && index + 1 < text.Length && char.IsLowSurrogate(text[index + 1]))
        {
            length = 2;
            return Of(CharUnicodeInfo.GetUnicodeCategory(char.ConvertToUtf32(c, text[index + 1])));
        }
        length = 1;
        return BasicPlane[c];
    }

    /// <summary>
    /// The end of the run of <paramref name="kind"/> that starts at or after <paramref name="index"/>, at most <paramref name="most"/> code
    /// points on.
    /// </summary>
    public static int EndOfRun(ReadOnlySpan<char> text, int index, byte kind, int most = int.MaxValue)
    {
        for (; most > 0 && index < text.Length; most--)
        {
            if (At(text, index, out int length) != kind)
                break;
            index += length;
        }
        return index;
    }

    static byte Of(UnicodeCategory category) => category switch
    {
        <= UnicodeCategory.OtherLetter => Letter,
        UnicodeCategory.DecimalDigitNumber or UnicodeCategory.LetterNumber or UnicodeCategory.OtherNumber => Number,
        _ => Other,
    };

    static byte[] BuildBasicPlane()
    {
        var kinds = new byte[char.MaxValue + 1];
        for (int c = 0; c <= char.MaxValue; c++)
            kinds[c] = char.IsWhiteSpace((char)c) ? Space : Of(CharUnicodeInfo.GetUnicodeCategory((char)c));
        return kinds;
    }
}
