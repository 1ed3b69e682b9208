using System.Buffers;
using System.Text;
using System.Text.Unicode;

namespace Litespark.Tokenization.Pipeline;

/// <summary>
/// UTF-16 text that can hold any bytes: a byte that is not part of valid UTF-8 becomes the lone surrogate U+DC00 + byte.
/// Valid UTF-8 never holds surrogates, so the mapping is exact both ways; patterns see such a byte as a character
/// that is neither letter, number nor space.
/// </summary>
internal static class EscapedText
{
    const int Escape = 0xDC00;

    /// <summary>Whether <paramref name="c"/>, not preceded by a high surrogate, stands for one invalid byte.</summary>
    public static bool IsEscape(char c) => c is >= (char)(Escape + 0x80) and <= (char)(Escape + 0xFF);

    /// <summary>
    /// Decodes any bytes into <paramref name="chars"/>, which must hold as many characters as there are bytes; returns how many were
    /// written.
    /// </summary>
    public static int Decode(ReadOnlySpan<byte> bytes, Span<char> chars)
    {
        int written = 0;
        while (true)
        {
            OperationStatus status = Utf8.ToUtf16(bytes, chars[written..], out int read, out int count, replaceInvalidSequences: false);
            written += count;
            if (status == OperationStatus.Done)
                return written;
            chars[written++] = (char)(Escape + bytes[read]);
            bytes = bytes[(read + 1)..];
        }
    }

    /// <summary>The most bytes that <paramref name="chars"/> characters can encode to.</summary>
    public static int MaxBytes(int chars) => checked(3 * chars);

    /// <summary>Encodes back to the exact bytes; <paramref name="bytes"/> must hold <see cref="MaxBytes"/>.</summary>
    public static int Encode(ReadOnlySpan<char> chars, Span<byte> bytes)
    {
        int written = 0;
        for (int i = 0; i < chars.Length; i++)
        {
            char c = chars[i];
            if (c < 0x80)
            {
                bytes[written++] = (byte)c;
            }
            else if (IsEscape(c))
            {
                bytes[written++] = (byte)(c - Escape);
            }
            else
            {
                Rune rune = RuneAt(chars, i);
                written += rune.EncodeToUtf8(bytes[written..]);
                i += rune.Utf16SequenceLength - 1;
            }
        }
        return written;
    }

    /// <summary>The text with lone surrogates replaced by U+FFFD, so that none is taken for an escaped byte.</summary>
    public static string Sanitize(string text)
    {
        if (!text.AsSpan().ContainsAnyInRange('\uD800', '\uDFFF'))
            return text;
        var clean = new StringBuilder(text.Length);
        foreach (Rune rune in text.EnumerateRunes())
            clean.Append(rune.ToString());
        return clean.ToString();
    }

    /// <summary>The code point at <paramref name="index"/>; U+FFFD for a lone surrogate.</summary>
    public static Rune RuneAt(ReadOnlySpan<char> text, int index)
    {
        Rune.DecodeFromUtf16(text[index..], out Rune rune, out _);
        return rune;
    }
}
