using Litespark.Data.Shards;

namespace Litespark.Tests.Data;

public sealed class ShardTests : IDisposable
{
    readonly DataFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData(257)]
    [InlineData(65536)]
    [InlineData(65537)]
    [InlineData(128256)]
    public void Documents_come_back_as_written(int vocabSize)
    {
        Random random = new(vocabSize);
        int[][] documents = [.. Enumerable.Range(0, 300).Select(_ => Enumerable.Range(0, random.Next(3000)).Select(_ => random.Next(vocabSize)).ToArray())];
        using TokenShard shard = TokenShard.Open(Write("a.tokens", vocabSize, documents), verify: true);
        Assert.Equal(vocabSize <= 65536 ? 2 : 4, shard.Header.TokenBytes);
        Assert.Equal(documents.Length, shard.Header.Documents);
        Assert.Equal(documents.Sum(d => d.Length + 1), shard.Header.Tokens);
        for (int i = 0; i < documents.Length; i++)
        {
            int[] read = new int[shard.End(i) - shard.Start(i)];
            shard.Read(shard.Start(i), read);
            Assert.Equal([.. documents[i], 256], read);
            Assert.Equal(documents[i].Length * 2 + 1, shard.TextBytes(i));
        }
    }

    [Fact]
    public void A_shard_that_was_not_completed_leaves_nothing()
    {
        using (ShardWriter writer = new(folder["a.tokens"], 257, 256, "bytes")) writer.Add([1, 2, 3], 3);
        Assert.Empty(Directory.EnumerateFileSystemEntries(folder.Path));
    }

    [Theory]
    [InlineData(1, "cut off")]
    [InlineData(200, "cut off")]
    [InlineData(-8, "cut off or damaged")]
    public void A_shard_of_the_wrong_length_is_named(int missing, string expected)
    {
        string path = Write("a.tokens", 257, [[1, 2, 3], [4, 5], .. Enumerable.Repeat(new[] { 6 }, 100)]);
        byte[] bytes = File.ReadAllBytes(path);
        File.WriteAllBytes(path, missing > 0 ? bytes[..^missing] : [.. bytes, .. new byte[-missing]]);
        AssertRefused(path, expected);
    }

    [Theory]
    [InlineData(20, "damaged")]
    [InlineData(128, "damaged")]
    [InlineData(-1, "damaged")]
    [InlineData(0, "not a token shard")]
    public void A_changed_byte_anywhere_is_found(int position, string expected)
    {
        string path = Write("a.tokens", 257, [[1, 2, 3], [4, 5]]);
        byte[] bytes = File.ReadAllBytes(path);
        bytes[position < 0 ? bytes.Length + position : position] ^= 0x40;
        File.WriteAllBytes(path, bytes);
        AssertRefused(path, expected);
    }

    [Fact]
    public void A_shard_cut_inside_its_header_or_of_another_format_is_named()
    {
        string path = Write("a.tokens", 257, [[1]]);
        byte[] bytes = File.ReadAllBytes(path);
        File.WriteAllBytes(path, bytes[..60]);
        AssertRefused(path, "cut off inside its header");
        bytes[8] = 9;
        File.WriteAllBytes(path, bytes);
        AssertRefused(path, "of format 9");
    }

    [Fact]
    public void A_token_outside_the_vocabulary_never_leaves_the_shard()
    {
        string path = Write("a.tokens", 257, [[1, 2, 3]]);
        byte[] bytes = File.ReadAllBytes(path);
        bytes[ShardHeader.Size + 3] = 0x7F;
        File.WriteAllBytes(path, bytes);
        using TokenShard shard = TokenShard.Open(path, verify: false);
        Assert.Contains(path, Assert.Throws<UserErrorException>(() => shard.Read(0, new int[4])).Message);
    }

    [Fact]
    public void Shards_of_another_tokenizer_are_refused()
    {
        string path = Write("a.tokens", 257, [[1]]);
        TokenShards.Open([path], new ByteEncoder(), verify: true).Dispose();
        string message = Assert.Throws<UserErrorException>(() => TokenShards.Open([path], new ByteEncoder(fingerprint: "other"), verify: true)).Message;
        Assert.Contains(path, message);
        Assert.Contains("another tokenizer", message);
        Assert.Throws<UserErrorException>(() => TokenShards.Open([path], new ByteEncoder(vocabSize: 300), verify: true));
    }

    [Fact]
    public void Several_shards_read_as_one_list()
    {
        using TokenShards shards = TokenShards.Open(
            [Write("a.tokens", 257, [[1], [2, 2]]), Write("b.tokens", 257, [[3]]), Write("c.tokens", 257, [[4], [5], [6]])], new ByteEncoder(), verify: true);
        Assert.Equal(6, shards.Documents);
        Assert.Equal(13, shards.Tokens);
        for (int i = 0; i < 6; i++)
        {
            (TokenShard shard, long document) = shards.Locate(i);
            Assert.Equal(i + 1, shard[shard.Start(document)]);
        }
    }

    [Fact]
    public void The_checksum_is_crc_32c_and_may_be_taken_in_parts()
    {
        Assert.Equal(0xE3069283u, Crc32C.Compute("123456789"u8)); // The algorithm's published check value.
        Assert.Equal(0xE3069283u, Crc32C.Compute("6789"u8, Crc32C.Compute("12345"u8)));
    }

    string Write(string name, int vocabSize, int[][] documents)
    {
        using ShardWriter writer = new(folder[name], vocabSize, 256, "bytes");
        foreach (int[] document in documents) writer.Add(document, document.Length * 2 + 1);
        writer.Complete();
        return folder[name];
    }

    static void AssertRefused(string path, string expected)
    {
        string message = Assert.Throws<UserErrorException>(() => TokenShard.Open(path, verify: true)).Message;
        Assert.Contains(path, message);
        Assert.Contains(expected, message);
    }
}
