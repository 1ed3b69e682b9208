using Litespark.Tokenization;

namespace Litespark.Data.Shards;

/// <summary>Writes <c>NAME-00000.tokens</c>, <c>NAME-00001.tokens</c>, …: a new shard whenever one is full.</summary>
internal sealed class ShardSetWriter(string folder, string name, ITextEncoder encoder, long shardTokens) : IDisposable
{
    readonly List<string> paths = [];
    ShardWriter? current;
    long finishedTokens;
    long finishedBytes;
    long finishedDocuments;

    /// <summary>The shards completed.</summary>
    public IReadOnlyList<string> Paths => paths;

    /// <summary>Tokens so far, prefixes and end-of-text included.</summary>
    public long Tokens => finishedTokens + (current?.Tokens ?? 0);

    /// <summary>Bytes of text so far.</summary>
    public long TextBytes => finishedBytes + (current?.TextBytes ?? 0);

    /// <summary>Documents so far.</summary>
    public long Documents => finishedDocuments + (current?.Documents ?? 0);

    /// <summary>Adds a document, its prefix included; end-of-text is put behind it.</summary>
    public void Add(ReadOnlySpan<int> tokens, long textBytes)
    {
        if (current?.Tokens >= shardTokens) Complete();
        current ??= new ShardWriter(Path.Combine(folder, $"{name}-{paths.Count:00000}{ShardHeader.Extension}"), encoder.VocabSize, encoder.EndOfTextId, ShardHeader.TokenizerIdentity(encoder));
        current.Add(tokens, textBytes);
    }

    /// <summary>Completes the shard being written, if any.</summary>
    public void Complete()
    {
        if (current is null) return;
        finishedTokens += current.Tokens;
        finishedBytes += current.TextBytes;
        finishedDocuments += current.Documents;
        current.Complete();
        paths.Add(Path.Combine(folder, $"{name}-{paths.Count:00000}{ShardHeader.Extension}"));
        current.Dispose();
        current = null;
    }

    /// <summary>Removes everything written, where the whole is not wanted.</summary>
    public void Discard()
    {
        Dispose();
        current = null;
        foreach (string path in paths) File.Delete(path);
        paths.Clear();
    }

    /// <inheritdoc/>
    public void Dispose() => current?.Dispose();
}
