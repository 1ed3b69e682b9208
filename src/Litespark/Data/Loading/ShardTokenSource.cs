using Litespark.Data.Shards;

namespace Litespark.Data.Loading;

/// <summary>The documents of prepared shards, in a new order each epoch.</summary>
internal sealed class ShardTokenSource : ITokenSource
{
    readonly TokenShards shards;
    readonly ulong seed;
    readonly bool shuffle;
    Permutation order;
    long epoch;
    long document;
    TokenShard shard;
    long start;
    long end;
    long next;

    /// <summary>Starts at the beginning of the first epoch; the shards stay the caller's.</summary>
    public ShardTokenSource(TokenShards shards, ulong seed, bool shuffle)
    {
        this.shards = shards;
        this.seed = seed;
        this.shuffle = shuffle;
        (shard, _) = shards.Locate(0);
        Enter(0, 0);
    }

    /// <inheritdoc/>
    public TokenPosition Position
    {
        get => new(epoch, document, next - start);
        set
        {
            if (value.Epoch < 0 || value.Document < 0 || value.Document >= shards.Documents)
                throw new UserErrorException($"The data position in the checkpoint (epoch {value.Epoch}, document {value.Document}) is outside the corpus of {shards.Documents} documents.");
            Enter(value.Epoch, value.Document);
            if (value.Offset < 0 || value.Offset >= end - start)
                throw new UserErrorException($"The data position in the checkpoint (token {value.Offset} of document {value.Document}) is outside that document of {end - start} tokens.");
            next = start + value.Offset;
        }
    }

    /// <inheritdoc/>
    public bool AtDocumentStart => next == start;

    /// <inheritdoc/>
    public int PrefixLeft => (int)Math.Max(0, shards.PrefixTokens - (next - start));

    /// <inheritdoc/>
    public int Peek() => shard[next];

    /// <inheritdoc/>
    public int Read(Span<int> tokens)
    {
        int count = (int)Math.Min(tokens.Length, end - next);
        shard.Read(next, tokens[..count]);
        next += count;
        if (next == end) Advance();
        return count;
    }

    void Advance()
    {
        if (document + 1 < shards.Documents) Enter(epoch, document + 1);
        else Enter(epoch + 1, 0);
    }

    void Enter(long newEpoch, long newDocument)
    {
        epoch = newEpoch;
        document = newDocument;
        order = new Permutation(shards.Documents, SplitMix.At(seed, (ulong)epoch));
        (shard, long index) = shards.Locate(shuffle ? order[document] : document);
        start = shard.Start(index);
        end = shard.End(index);
        next = start;
    }
}
