using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using Litespark.Tokenization;

namespace Litespark.Data.Shards;

/// <summary>
/// The first 128 bytes of a token shard (all numbers little-endian):
/// <code>
///   0  magic "LSTOKENS"             8  version (u32)             12  bytes per token, 2 or 4 (u32)
///  16  tokens (u64)                24  documents (u64)           32  bytes of text (u64)
///  40  vocabulary size (u32)       44  end-of-text id (u32)      48  SHA-256 of the tokenizer's identity
///  80  CRC-32C of the body (u32)   84  zeros                    124  CRC-32C of bytes 0 to 123 (u32)
/// </code>
/// The body: the tokens (u16 or u32, each document led by the tokenizer's prefix and followed by end-of-text), zeros up to a multiple of 8 bytes, then for
/// every document the index behind its last token (u64), then for every document the bytes of text up to its end (u64).
/// </summary>
internal sealed record ShardHeader
{
    /// <summary>Bytes that the header takes.</summary>
    public const int Size = 128;

    /// <summary>How shard files end.</summary>
    public const string Extension = ".tokens";

    const uint Version = 1;

    /// <summary>Bytes per token: 2 where every id fits, else 4.</summary>
    public required int TokenBytes { get; init; }

    /// <summary>Tokens, prefixes and end-of-text included.</summary>
    public required long Tokens { get; init; }

    /// <summary>Documents.</summary>
    public required long Documents { get; init; }

    /// <summary>Bytes of text that the tokens stand for.</summary>
    public required long TextBytes { get; init; }

    /// <summary>One more than the largest token id.</summary>
    public required int VocabSize { get; init; }

    /// <summary>The token behind every document.</summary>
    public required int EndOfTextId { get; init; }

    /// <summary>SHA-256 of the <see cref="TokenizerIdentity"/>, in hexadecimal.</summary>
    public required string Tokenizer { get; init; }

    /// <summary>CRC-32C of everything behind the header.</summary>
    public required uint BodyChecksum { get; init; }

    /// <summary>Bytes of tokens, with their padding.</summary>
    public long TokenSectionBytes => (Tokens * TokenBytes + 7) / 8 * 8;

    /// <summary>Length of the whole file.</summary>
    public long FileBytes => Size + TokenSectionBytes + 16 * Documents;

    /// <summary>What decides a shard's tokens: the tokenizer's fingerprint and, where it has one, the prefix of its documents.</summary>
    public static string TokenizerIdentity(ITextEncoder encoder) =>
        encoder.DocumentPrefix.Count == 0 ? encoder.Fingerprint : $"{encoder.Fingerprint}\nprefix {string.Join(' ', encoder.DocumentPrefix)}";

    /// <summary>The identity of a tokenizer as shards record it.</summary>
    public static string HashTokenizer(string identity) => Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes(identity)));

    /// <summary>The header as stored.</summary>
    public byte[] ToBytes()
    {
        byte[] bytes = new byte[Size];
        "LSTOKENS"u8.CopyTo(bytes);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(8), Version);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(12), TokenBytes);
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(16), Tokens);
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(24), Documents);
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(32), TextBytes);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(40), VocabSize);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(44), EndOfTextId);
        Convert.FromHexString(Tokenizer).CopyTo(bytes, 48);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(80), BodyChecksum);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(124), Crc32C.Compute(bytes.AsSpan(0, 124)));
        return bytes;
    }

    /// <summary>Reads a stored header.</summary>
    /// <exception cref="UserErrorException">It is not one, is of another version, or is damaged.</exception>
    public static ShardHeader Parse(ReadOnlySpan<byte> bytes, string path)
    {
        if (!bytes.StartsWith("LSTOKENS"u8)) throw new UserErrorException($"{path}: is not a token shard; `data prepare` makes them.");
        if (bytes.Length < Size) throw new UserErrorException($"{path}: is cut off inside its header; prepare or copy the shard again.");
        uint version = BinaryPrimitives.ReadUInt32LittleEndian(bytes[8..]);
        if (version != Version)
            throw new UserErrorException($"{path}: is a token shard of format {version}, this program reads format {Version}; prepare it again.");
        ShardHeader header = new()
        {
            TokenBytes = BinaryPrimitives.ReadInt32LittleEndian(bytes[12..]),
            Tokens = BinaryPrimitives.ReadInt64LittleEndian(bytes[16..]),
            Documents = BinaryPrimitives.ReadInt64LittleEndian(bytes[24..]),
            TextBytes = BinaryPrimitives.ReadInt64LittleEndian(bytes[32..]),
            VocabSize = BinaryPrimitives.ReadInt32LittleEndian(bytes[40..]),
            EndOfTextId = BinaryPrimitives.ReadInt32LittleEndian(bytes[44..]),
            Tokenizer = Convert.ToHexString(bytes.Slice(48, 32)),
            BodyChecksum = BinaryPrimitives.ReadUInt32LittleEndian(bytes[80..]),
        };
        if (BinaryPrimitives.ReadUInt32LittleEndian(bytes[124..]) != Crc32C.Compute(bytes[..124]) || header.TokenBytes is not (2 or 4))
            throw new UserErrorException($"{path}: is damaged (its header does not match its checksum); prepare or copy the shard again.");
        return header;
    }
}
