using System.Globalization;
using System.Text;

namespace Litespark.Data.Sources;

/// <summary>Text of JSON strings as UTF-8 bytes.</summary>
internal static class JsonText
{
    /// <summary>
    /// Resolves the escapes of a JSON string that a parser has accepted. Half a surrogate pair, which UTF-8 cannot hold,
    /// becomes U+FFFD; bytes that are not escapes are kept as they are, valid UTF-8 or not.
    /// </summary>
    public static byte[] Unescape(ReadOnlySpan<byte> escaped)
    {
        byte[] result = new byte[escaped.Length]; // An escape is never shorter than what it stands for.
        int length = 0;
        while (!escaped.IsEmpty)
        {
            int plain = escaped.IndexOf((byte)'\\');
            if (plain < 0) plain = escaped.Length;
            escaped[..plain].CopyTo(result.AsSpan(length));
            length += plain;
            escaped = escaped[plain..];
            if (escaped.IsEmpty) break;
            if (escaped[1] != 'u')
            {
                result[length++] = Simple(escaped[1]);
                escaped = escaped[2..];
                continue;
            }
            char unit = Hex(escaped);
            escaped = escaped[6..];
            Rune rune = Rune.ReplacementChar;
            if (char.IsHighSurrogate(unit) && escaped.StartsWith("\\u"u8) && Rune.TryCreate(unit, Hex(escaped), out Rune pair))
            {
                rune = pair;
                escaped = escaped[6..];
            }
            else if (!char.IsSurrogate(unit)) rune = new Rune(unit);
            length += rune.EncodeToUtf8(result.AsSpan(length));
        }
        return result[..length];
    }

    /// <summary>A short form for messages.</summary>
    public static string ToDisplay(ReadOnlySpan<byte> text) => Encoding.UTF8.GetString(text[..Math.Min(text.Length, 40)]);

    static char Hex(ReadOnlySpan<byte> escape) => (char)ushort.Parse(escape.Slice(2, 4), NumberStyles.HexNumber, CultureInfo.InvariantCulture);

    static byte Simple(byte letter) => letter switch
    {
        (byte)'n' => (byte)'\n',
        (byte)'t' => (byte)'\t',
        (byte)'r' => (byte)'\r',
        (byte)'b' => (byte)'\b',
        (byte)'f' => (byte)'\f',
        _ => letter,
    };
}
