namespace Litespark.Data.Sources;

/// <summary>Decompresses a <c>.zst</c> stream of one or more frames.</summary>
internal sealed class ZstdStream(Stream compressed) : ReadOnlyStream
{
    readonly Zstd.Decoder decoder = Zstd.System.CreateDecoder();
    readonly byte[] input = new byte[1 << 17];
    int start;
    int end;
    bool betweenFrames = true;

    /// <inheritdoc/>
    /// <exception cref="InvalidDataException">The data is invalid, or ends inside a frame.</exception>
    public override int Read(Span<byte> buffer)
    {
        if (buffer.IsEmpty) return 0;
        while (true)
        {
            bool endOfInput = false;
            if (start == end)
            {
                start = 0;
                end = compressed.Read(input);
                endOfInput = end == 0;
                if (endOfInput && betweenFrames) return 0;
            }
            (int consumed, int produced, bool frameComplete) = decoder.Decompress(input.AsSpan(start, end - start), buffer);
            start += consumed;
            betweenFrames = frameComplete;
            if (produced > 0) return produced;
            if (endOfInput && !frameComplete) throw new InvalidDataException("The data ends in the middle of a zstd frame.");
        }
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            decoder.Dispose();
            compressed.Dispose();
        }
        base.Dispose(disposing);
    }
}
