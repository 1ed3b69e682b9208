namespace Litespark.Data.Sources;

/// <summary>Cuts a stream of bytes into lines, holding one line at a time.</summary>
internal sealed class LineReader(Stream stream, string path)
{
    const int LongestLine = 1 << 30;
    byte[] buffer = new byte[1 << 16];
    int start;
    int end;

    /// <summary>Number of the line read last, from 1.</summary>
    public long LineNumber { get; private set; }

    /// <summary>Reads the next line without its line feed; it is valid until the next call.</summary>
    /// <exception cref="UserErrorException">The line is longer than 1 GiB.</exception>
    public bool TryRead(out ReadOnlyMemory<byte> line)
    {
        int searched = 0;
        while (true)
        {
            int found = buffer.AsSpan(start + searched, end - start - searched).IndexOf((byte)'\n');
            if (found >= 0)
            {
                line = buffer.AsMemory(start, searched + found);
                start += searched + found + 1;
                LineNumber++;
                return true;
            }
            searched = end - start;
            if (Fill()) continue;
            line = buffer.AsMemory(start, end - start);
            start = end;
            if (line.IsEmpty) return false;
            LineNumber++;
            return true;
        }
    }

    bool Fill()
    {
        if (start > 0)
        {
            buffer.AsSpan(start, end - start).CopyTo(buffer);
            end -= start;
            start = 0;
        }
        if (end == buffer.Length)
        {
            if (end >= LongestLine) throw new UserErrorException($"{path}, line {LineNumber + 1}: longer than 1 GiB; the file does not look like lines of text.");
            Array.Resize(ref buffer, buffer.Length * 2);
        }
        int count = stream.Read(buffer, end, buffer.Length - end);
        end += count;
        return count > 0;
    }
}
