namespace Litespark.Tokenization.Pipeline;

/// <summary>
/// GPT-2's alphabet: every byte has a printable character of its own, so that a vocabulary of byte strings can be written as text.
/// Printable Latin-1 bytes stand for themselves; the other 68 take the characters from U+0100 on, in byte order.
/// </summary>
internal static class ByteAlphabet
{
    const int FirstStandIn = 0x100;

    static readonly char[] Characters = BuildCharacters();
    static readonly short[] Bytes = BuildBytes();

    /// <summary>The character that stands for <paramref name="value"/>.</summary>
    public static char ToChar(byte value) => Characters[value];

    /// <summary>The byte that <paramref name="c"/> stands for, or -1 where it is not of the alphabet.</summary>
    public static int ToByte(char c) => c < Bytes.Length ? Bytes[c] : -1;

    /// <summary>The bytes as a string of the alphabet.</summary>
    public static string ToText(ReadOnlySpan<byte> bytes)
    {
        return string.Create(bytes.Length, bytes, static (text, source) =>
        {
            for (int i = 0; i < source.Length; i++)
                text[i] = Characters[source[i]];
        });
    }

    /// <summary>The bytes that <paramref name="text"/> stands for, or null where a character is not of the alphabet.</summary>
    public static byte[]? TryToBytes(string text)
    {
        var bytes = new byte[text.Length];
        for (int i = 0; i < text.Length; i++)
        {
            int value = ToByte(text[i]);
            if (value < 0)
                return null;
            bytes[i] = (byte)value;
        }
        return bytes;
    }

    static bool StandsForItself(int value) => value is >= '!' and <= '~' or >= 0xA1 and <= 0xAC or >= 0xAE and <= 0xFF;

    static char[] BuildCharacters()
    {
        var characters = new char[256];
        int next = FirstStandIn;
        for (int value = 0; value < 256; value++)
            characters[value] = (char)(StandsForItself(value) ? value : next++);
        return characters;
    }

    static short[] BuildBytes()
    {
        var bytes = new short[Characters.Max() + 1];
        Array.Fill(bytes, (short)-1);
        for (int value = 0; value < 256; value++)
            bytes[Characters[value]] = (short)value;
        return bytes;
    }
}
