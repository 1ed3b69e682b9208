using System.Buffers.Binary;

namespace Litespark.Data.Shards;

/// <summary>
/// Writes one token shard under a temporary name; <see cref="Complete"/> renames it, so that a shard is whole or absent.
/// </summary>
internal sealed class ShardWriter : IDisposable
{
    readonly string path;
    readonly FileStream file;
    readonly byte[] buffer = new byte[1 << 20];
    readonly int vocabSize;
    readonly int endOfTextId;
    readonly int tokenBytes;
    readonly string tokenizer;
    readonly List<long> tokenEnds = [];
    readonly List<long> textEnds = [];
    int buffered;
    uint checksum;
    bool complete;

    /// <summary>Starts a shard.</summary>
    public ShardWriter(string path, int vocabSize, int endOfTextId, string tokenizerIdentity)
    {
        this.path = path;
        this.vocabSize = vocabSize;
        this.endOfTextId = endOfTextId;
        tokenBytes = vocabSize <= ushort.MaxValue + 1 ? 2 : 4;
        tokenizer = ShardHeader.HashTokenizer(tokenizerIdentity);
        file = new FileStream(TemporaryPath, FileMode.Create, FileAccess.Write, FileShare.None, 1);
        file.Write(new byte[ShardHeader.Size]); // Its place; the contents are known at the end.
    }

    /// <summary>Tokens so far.</summary>
    public long Tokens => tokenEnds.Count == 0 ? 0 : tokenEnds[^1];

    /// <summary>Bytes of text so far.</summary>
    public long TextBytes => textEnds.Count == 0 ? 0 : textEnds[^1];

    /// <summary>Documents so far.</summary>
    public long Documents => tokenEnds.Count;

    string TemporaryPath => path + ".tmp";

    /// <summary>Adds a document, its prefix included; end-of-text is put behind it.</summary>
    public void Add(ReadOnlySpan<int> tokens, long textBytes)
    {
        foreach (int token in tokens) Write(token);
        Write(endOfTextId);
        tokenEnds.Add(Tokens + tokens.Length + 1);
        textEnds.Add(TextBytes + textBytes);
    }

    /// <summary>Finishes the shard: index, checksums, flush to disk, rename.</summary>
    public void Complete()
    {
        for (long bytes = Tokens * tokenBytes; bytes % 8 != 0; bytes++) buffer[buffered++] = 0;
        foreach (long end in tokenEnds) Write64(end);
        foreach (long end in textEnds) Write64(end);
        Flush();
        ShardHeader header = new()
        {
            TokenBytes = tokenBytes,
            Tokens = Tokens,
            Documents = Documents,
            TextBytes = TextBytes,
            VocabSize = vocabSize,
            EndOfTextId = endOfTextId,
            Tokenizer = tokenizer,
            BodyChecksum = checksum,
        };
        file.Position = 0;
        file.Write(header.ToBytes());
        file.Flush(flushToDisk: true);
        file.Dispose();
        File.Move(TemporaryPath, path, overwrite: true);
        complete = true;
    }

    /// <summary>Removes the shard if it was not completed.</summary>
    public void Dispose()
    {
        file.Dispose();
        if (!complete) File.Delete(TemporaryPath);
    }

    void Write(int token)
    {
        if ((uint)token >= (uint)vocabSize)
            throw new InvalidOperationException($"The tokenizer produced token {token}, outside its vocabulary of {vocabSize}.");
        if (buffered + 16 > buffer.Length) Flush(); // Leaves room for the padding.
        if (tokenBytes == 2) BinaryPrimitives.WriteUInt16LittleEndian(buffer.AsSpan(buffered), (ushort)token);
        else BinaryPrimitives.WriteInt32LittleEndian(buffer.AsSpan(buffered), token);
        buffered += tokenBytes;
    }

    void Write64(long value)
    {
        if (buffered + 8 > buffer.Length) Flush();
        BinaryPrimitives.WriteInt64LittleEndian(buffer.AsSpan(buffered), value);
        buffered += 8;
    }

    void Flush()
    {
        checksum = Crc32C.Compute(buffer.AsSpan(0, buffered), checksum);
        file.Write(buffer, 0, buffered);
        buffered = 0;
    }
}
