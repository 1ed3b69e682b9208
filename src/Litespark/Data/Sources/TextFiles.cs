using System.Buffers;

namespace Litespark.Data.Sources;

/// <summary>Reads plain text and Markdown.</summary>
internal static class TextFiles
{
    /// <summary>A file up to this size is one document.</summary>
    public const int LargestWhole = 256 << 10;

    /// <summary>A larger file is cut into documents of at most this size.</summary>
    public const int LargestPart = 32 << 10;

    /// <summary>
    /// The file as one document or, if it is large, cut at blank lines (else at line ends, else between characters) into
    /// documents of up to 32 KB: so that one big file too can be shuffled and split, and is never held whole.
    /// </summary>
    /// <exception cref="UserErrorException">The file cannot be read or is UTF-16.</exception>
    public static IEnumerable<Document> Read(string path, Stream stream)
    {
        byte[] buffer = ArrayPool<byte>.Shared.Rent(LargestWhole + 1);
        try
        {
            int length = Fill(stream, buffer, 0);
            int start = CheckByteOrderMark(path, buffer.AsSpan(0, length));
            if (length <= LargestWhole)
            {
                yield return new Document(buffer.AsSpan(start, length - start).ToArray(), path, 1);
                yield break;
            }
            long line = 1;
            while (true)
            {
                if (length - start <= LargestPart && length == buffer.Length)
                {
                    buffer.AsSpan(start, length - start).CopyTo(buffer);
                    length = Fill(stream, buffer, length - start);
                    start = 0;
                }
                if (start == length) yield break;
                byte[] part = buffer.AsSpan(start, PartSize(buffer.AsSpan(start, length - start))).ToArray();
                yield return new Document(part, path, line);
                line += part.AsSpan().Count((byte)'\n');
                start += part.Length;
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    /// <summary>Bytes up to the cut: behind the last blank line, line end or character that fits.</summary>
    static int PartSize(ReadOnlySpan<byte> text)
    {
        if (text.Length <= LargestPart) return text.Length;
        ReadOnlySpan<byte> part = text[..LargestPart];
        int blank = Math.Max(part.LastIndexOf("\n\n"u8) + 2, part.LastIndexOf("\r\n\r\n"u8) + 4);
        if (blank > 4) return blank;
        int lineEnd = part.LastIndexOf((byte)'\n') + 1;
        if (lineEnd > 0) return lineEnd;
        int size = LargestPart;
        while (size > LargestPart - 4 && (text[size] & 0xC0) == 0x80) size--; // Not inside a UTF-8 sequence.
        return size;
    }

    static int Fill(Stream stream, byte[] buffer, int length)
    {
        while (length < buffer.Length)
        {
            int count = stream.Read(buffer, length, buffer.Length - length);
            if (count == 0) break;
            length += count;
        }
        return length;
    }

    static int CheckByteOrderMark(string path, ReadOnlySpan<byte> text)
    {
        if (text.StartsWith((ReadOnlySpan<byte>)[0xFF, 0xFE]) || text.StartsWith((ReadOnlySpan<byte>)[0xFE, 0xFF]))
            throw new UserErrorException($"{path}: is UTF-16 text; convert it to UTF-8 (for example: iconv -f UTF-16 -t UTF-8).");
        return text.StartsWith("\uFEFF"u8) ? 3 : 0;
    }
}
