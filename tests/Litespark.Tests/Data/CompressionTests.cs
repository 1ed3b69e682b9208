using System.IO.Compression;
using System.Runtime.InteropServices;
using System.Text;
using Litespark.Data.Sources;
using Xunit.Abstractions;

namespace Litespark.Tests.Data;

public sealed unsafe class CompressionTests(ITestOutputHelper output) : IDisposable
{
    static readonly byte[] Lines = MakeLines();
    readonly DataFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void Gzip_is_read_in_one_or_several_members()
    {
        folder.Write("one.jsonl.gz", Gzip(Lines));
        folder.Write("two.jsonl.gz", [.. Gzip(Lines[..5000]), .. Gzip(Lines[5000..])]);
        string[] texts = DataFolder.ReadTexts(folder.Options(folder.Path));
        Assert.Equal(2000, texts.Length);
        Assert.Equal(texts[..1000], texts[1000..]);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(12)]
    [InlineData(2000)]
    public void Cut_off_gzip_is_an_error_that_names_the_file(int missing)
    {
        folder.Write("cut.jsonl.gz", Gzip(Lines)[..^missing]);
        AssertDamaged("cut.jsonl.gz");
    }

    [Fact]
    public void Damaged_gzip_is_an_error_that_names_the_file()
    {
        byte[] bytes = Gzip(Lines);
        bytes[^6] ^= 1; // In the checksum.
        folder.Write("bad.jsonl.gz", bytes);
        AssertDamaged("bad.jsonl.gz");
    }

    [Fact]
    public void Zstd_is_read_in_one_or_several_frames()
    {
        if (!HasZstd()) return;
        folder.Write("one.jsonl.zst", ZstdCompress(Lines));
        folder.Write("two.jsonl.zst", [.. ZstdCompress(Lines[..5000]), .. ZstdCompress([]), .. ZstdCompress(Lines[5000..])]);
        string[] texts = DataFolder.ReadTexts(folder.Options(folder.Path));
        Assert.Equal(2000, texts.Length);
        Assert.Equal(texts[..1000], texts[1000..]);
    }

    [Fact]
    public void Zstd_text_larger_than_every_buffer_is_read_whole()
    {
        if (!HasZstd()) return;
        byte[] text = new byte[1 << 20];
        new Random(1).NextBytes(text);
        for (int i = 0; i < text.Length; i++) text[i] = (byte)('a' + text[i] % 16);
        folder.Write("large.txt.zst", ZstdCompress(text));
        Assert.Equal(Encoding.ASCII.GetString(text), string.Concat(DataFolder.ReadTexts(folder.Options(folder.Path))));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2000)]
    public void Cut_off_zstd_is_an_error_that_names_the_file(int missing)
    {
        if (!HasZstd()) return;
        folder.Write("cut.jsonl.zst", ZstdCompress(Lines)[..^missing]);
        AssertDamaged("cut.jsonl.zst");
    }

    [Fact]
    public void What_is_not_zstd_is_an_error_that_names_the_file()
    {
        if (!HasZstd()) return;
        folder.Write("bad.jsonl.zst", "plain text");
        AssertDamaged("bad.jsonl.zst");
    }

    [Fact]
    public void A_missing_zstd_library_is_an_error_that_says_what_to_install()
    {
        string message = Assert.Throws<UserErrorException>(() => new Zstd(["libno-such-zstd.so.1"])).Message;
        Assert.Contains("libno-such-zstd.so.1", message);
        Assert.Contains("apt install libzstd1", message);
        Assert.Contains(".gz", message);
    }

    void AssertDamaged(string name)
    {
        string message = Assert.Throws<UserErrorException>(() => DataFolder.ReadTexts(folder.Options(folder.Path))).Message;
        Assert.Contains(name, message);
        Assert.Contains("cut off or damaged", message);
    }

    bool HasZstd()
    {
        try
        {
            _ = Zstd.System;
            return true;
        }
        catch (UserErrorException e)
        {
            output.WriteLine("Not tried: " + e.Message);
            return false;
        }
    }

    static byte[] MakeLines()
    {
        StringBuilder lines = new();
        Random random = new(7);
        for (int i = 0; i < 1000; i++) lines.Append($"{{\"text\": \"document {i} {random.NextInt64():x}\"}}\n");
        return Encoding.UTF8.GetBytes(lines.ToString());
    }

    static byte[] Gzip(byte[] bytes)
    {
        using MemoryStream compressed = new();
        using (GZipStream gzip = new(compressed, CompressionLevel.Optimal, leaveOpen: true)) gzip.Write(bytes);
        return compressed.ToArray();
    }

    static byte[] ZstdCompress(byte[] bytes)
    {
        nint library = 0;
        foreach (string name in (string[])["libzstd.so.1", "libzstd.dylib", "zstd.dll", "libzstd.dll"])
            if (NativeLibrary.TryLoad(name, out library)) break;
        delegate* unmanaged<nuint, nuint> bound = (delegate* unmanaged<nuint, nuint>)NativeLibrary.GetExport(library, "ZSTD_compressBound");
        delegate* unmanaged<byte*, nuint, byte*, nuint, int, nuint> compress =
            (delegate* unmanaged<byte*, nuint, byte*, nuint, int, nuint>)NativeLibrary.GetExport(library, "ZSTD_compress");
        byte[] result = new byte[(int)bound((nuint)bytes.Length)];
        fixed (byte* to = result, from = bytes)
            return result[..(int)compress(to, (nuint)result.Length, from, (nuint)bytes.Length, 3)];
    }
}
