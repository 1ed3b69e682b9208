using Litespark.Data.Shards;

namespace Litespark.Data.Loading;

/// <summary>
/// The held-out text, the same tokens in the same order every time: an evaluation calls <see cref="Reset"/>, then
/// <see cref="TryNext"/> until it returns false. Documents come in a fixed mixed order, so that the first of them stand
/// for the whole.
/// </summary>
public sealed class ValidationLoader : IDisposable
{
    const ulong FixedSeed = 0x7661_6C69_6461_7465;
    readonly Part[] parts;
    readonly bool documentMask;
    readonly int padding;
    readonly MicroBatch batch;
    int part;
    long left;

    internal ValidationLoader(Part[] parts, int sequenceLength, int rows, bool documentMask, int padding)
    {
        this.parts = parts;
        this.documentMask = documentMask;
        this.padding = padding;
        batch = new MicroBatch(rows, sequenceLength);
        Tokens = parts.Sum(p => p.Tokens);
        if (parts.All(p => p.Bytes is not null)) Bytes = parts.Sum(p => p.Bytes!.Value);
        Batches = (int)((parts.Sum(p => (p.Length + sequenceLength - 1) / sequenceLength) + rows - 1) / rows);
        Reset();
    }

    /// <summary>Tokens of text covered, every document's end-of-text included; prefixes are not, nothing predicts them.</summary>
    public long Tokens { get; }

    /// <summary>
    /// Bytes of text those tokens stand for; null for synthetic tokens. Of a document that the limit cuts, its share by tokens.
    /// </summary>
    public long? Bytes { get; }

    /// <summary>Micro-batches of one evaluation.</summary>
    public int Batches { get; }

    /// <summary>
    /// Bits per byte of text at a mean loss in nats per target: loss / ln 2 · tokens / bytes. A token that nothing
    /// predicts (the very first, where documents have no prefix) is taken at the mean. Null for synthetic tokens.
    /// </summary>
    public double? BitsPerByte(double meanLoss) => Bytes is { } bytes ? meanLoss / Math.Log(2) * Tokens / bytes : null;

    /// <summary>Goes back to the first batch.</summary>
    public void Reset()
    {
        part = 0;
        foreach (Part p in parts) p.Source.Position = default;
        left = parts[0].Length;
    }

    /// <summary>
    /// The next micro-batch (valid until the next call; the loader's to dispose) and its number of targets, or false at the
    /// end. Rows behind the last token are padding without targets.
    /// </summary>
    public bool TryNext(out MicroBatch microBatch, out int targets)
    {
        microBatch = batch;
        targets = 0;
        if (!MoveToTokens()) return false;
        for (int row = 0; row < batch.Rows; row++)
        {
            bool any = MoveToTokens();
            targets += RowPacker.Fill(parts[Math.Min(part, parts.Length - 1)].Source, batch, row, documentMask, any ? left : 0, padding);
            left = Math.Max(0, left - batch.SequenceLength);
        }
        return true;
    }

    /// <inheritdoc/>
    public void Dispose() => batch.Dispose();

    bool MoveToTokens()
    {
        while (left == 0 && part < parts.Length)
            if (++part < parts.Length) left = parts[part].Length;
        return part < parts.Length;
    }

    /// <summary>One source's share of an evaluation.</summary>
    /// <param name="Source">The source, from its beginning.</param>
    /// <param name="Length">Tokens taken from it.</param>
    /// <param name="Tokens">Of them, text and end-of-text.</param>
    /// <param name="Bytes">Bytes of text that they stand for; null where there is no text.</param>
    internal sealed record Part(ITokenSource Source, long Length, long Tokens, long? Bytes)
    {
        /// <summary>The first documents of held-out shards, up to <paramref name="maxTokens"/> tokens, prefixes included.</summary>
        public static Part Of(TokenShards shards, long maxTokens)
        {
            Permutation order = new(shards.Documents, SplitMix.At(FixedSeed, 0));
            int prefix = shards.PrefixTokens;
            long length = 0;
            long tokens = 0;
            long bytes = 0;
            for (long i = 0; i < shards.Documents && length < maxTokens; i++)
            {
                (TokenShard shard, long document) = shards.Locate(order[i]);
                long whole = shard.End(document) - shard.Start(document);
                long taken = Math.Min(whole, maxTokens - length);
                long text = Math.Max(0, taken - prefix);
                length += taken;
                tokens += text;
                bytes += (long)((Int128)shard.TextBytes(document) * text / (whole - prefix));
            }
            return new Part(new ShardTokenSource(shards, FixedSeed, shuffle: true), length, tokens, bytes);
        }
    }
}
