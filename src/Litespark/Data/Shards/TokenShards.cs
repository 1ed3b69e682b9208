using System.Security.Cryptography;
using System.Text;
using Litespark.Tokenization;

namespace Litespark.Data.Shards;

/// <summary>Several shards read as one list of documents.</summary>
internal sealed class TokenShards : IDisposable
{
    readonly List<TokenShard> shards = [];
    readonly List<long> documentEnds = [];

    TokenShards() { }

    /// <summary>All documents.</summary>
    public long Documents => documentEnds.Count == 0 ? 0 : documentEnds[^1];

    /// <summary>All tokens, prefixes and end-of-text included.</summary>
    public long Tokens { get; private set; }

    /// <summary>Tokens that every document has before its text.</summary>
    public int PrefixTokens { get; private init; }

    /// <summary>All bytes of text.</summary>
    public long TextBytes { get; private set; }

    /// <summary>Identifies the contents: a state of one corpus does not fit another.</summary>
    public string Identity { get; private set; } = "";

    /// <summary>Opens shards in the order given and checks that they belong to the tokenizer.</summary>
    /// <exception cref="UserErrorException">A shard is damaged, or was made with another tokenizer.</exception>
    public static TokenShards Open(IReadOnlyList<string> paths, ITextEncoder encoder, bool verify)
    {
        TokenShards set = new() { PrefixTokens = encoder.DocumentPrefix.Count };
        try
        {
            StringBuilder identity = new();
            string tokenizer = ShardHeader.HashTokenizer(ShardHeader.TokenizerIdentity(encoder));
            string withoutPrefix = ShardHeader.HashTokenizer(encoder.Fingerprint);
            foreach (string path in paths)
            {
                TokenShard shard = TokenShard.Open(path, verify);
                set.shards.Add(shard);
                ShardHeader header = shard.Header;
                if (header.Tokenizer == withoutPrefix && tokenizer != withoutPrefix)
                    throw new UserErrorException($"{path}: was prepared without the beginning-of-text token that this tokenizer puts before a text; prepare the shards again.");
                if (header.Tokenizer != tokenizer || header.VocabSize != encoder.VocabSize || header.EndOfTextId != encoder.EndOfTextId)
                    throw new UserErrorException(
                        $"{path}: was prepared with another tokenizer ({header.Tokenizer[..8]}, vocabulary {header.VocabSize}) than the one in use " +
                        $"({tokenizer[..8]}, vocabulary {encoder.VocabSize}); use that tokenizer, or prepare the shards again.");
                set.documentEnds.Add(set.Documents + header.Documents);
                set.Tokens += header.Tokens;
                set.TextBytes += header.TextBytes;
                identity.Append(Convert.ToHexString(header.ToBytes()));
            }
            set.Identity = Convert.ToHexString(SHA256.HashData(Encoding.ASCII.GetBytes(identity.ToString())))[..16];
            if (set.Documents == 0) throw new UserErrorException($"The token shards hold no documents: {string.Join(", ", paths)}.");
            return set;
        }
        catch
        {
            set.Dispose();
            throw;
        }
    }

    /// <summary>The shard of a document, and the document's index in it.</summary>
    public (TokenShard Shard, long Document) Locate(long document)
    {
        int low = 0;
        int high = documentEnds.Count - 1;
        while (low < high)
        {
            int middle = (low + high) / 2;
            if (document < documentEnds[middle]) high = middle;
            else low = middle + 1;
        }
        return (shards[low], document - (low == 0 ? 0 : documentEnds[low - 1]));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (TokenShard shard in shards) shard.Dispose();
        shards.Clear();
    }
}
