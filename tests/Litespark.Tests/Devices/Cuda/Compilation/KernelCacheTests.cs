using System.Text;
using Litespark.Devices.Cuda.Compilation;

namespace Litespark.Tests.Devices.Cuda.Compilation;

public sealed class KernelCacheTests : IDisposable
{
    readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void What_was_compiled_once_is_read_from_then_on()
    {
        var compiler = new CountingCompiler();
        var cached = new CachedCompiler(compiler, new KernelCache(folder.File("cache")), 12040, file => file);
        byte[] first = cached.Compile(new KernelVariant("norm", "ELEMENT=bf16"));
        Assert.Equal(first, cached.Compile(new KernelVariant("norm", "ELEMENT=bf16")));
        Assert.Equal(1, compiler.Count);
    }

    [Fact]
    public void Everything_that_a_result_depends_on_is_in_its_key()
    {
        var compiler = new CountingCompiler();
        var cache = new KernelCache(folder.Path);
        foreach ((string identity, int driver, string file, string define, string text) in new[]
        {
            ("A", 12040, "norm", "X=1", "text"), ("B", 12040, "norm", "X=1", "text"), ("A", 13000, "norm", "X=1", "text"),
            ("A", 12040, "loss", "X=1", "text"), ("A", 12040, "norm", "X=2", "text"), ("A", 12040, "norm", "X=1", "other text"),
        })
        {
            compiler.Identity = identity;
            new CachedCompiler(compiler, cache, driver, _ => text).Compile(new KernelVariant(file, define));
        }

        Assert.Equal(6, compiler.Count);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(10)]
    [InlineData(-1)]
    public void A_damaged_file_is_compiled_again(int lengthOrFlip)
    {
        var compiler = new CountingCompiler();
        var cached = new CachedCompiler(compiler, new KernelCache(folder.Path), 12040, file => file);
        byte[] image = cached.Compile(new KernelVariant("norm"));
        string path = Assert.Single(Directory.GetFiles(folder.Path));
        byte[] file = File.ReadAllBytes(path);
        if (lengthOrFlip < 0) file[3] ^= 1;
        File.WriteAllBytes(path, lengthOrFlip < 0 ? file : file[..lengthOrFlip]);
        Assert.Equal(image, cached.Compile(new KernelVariant("norm")));
        Assert.Equal(2, compiler.Count);
        Assert.Equal(image, cached.Compile(new KernelVariant("norm")));
        Assert.Equal(2, compiler.Count);
    }

    [Fact]
    public void The_files_not_used_for_longest_make_room()
    {
        var cache = new KernelCache(folder.Path, limitBytes: 3 * (100 + 32));
        foreach (string key in (string[])["a", "b", "c"]) cache.Write(key, new byte[100]);
        foreach ((string key, int hours) in new[] { ("a", 3), ("b", 2), ("c", 1) }) File.SetLastWriteTimeUtc(folder.File(key + ".kernel"), DateTime.UtcNow.AddHours(-hours));
        string leftOver = folder.File("d.kernel.0123");
        File.WriteAllText(leftOver, "");
        File.SetLastWriteTimeUtc(leftOver, DateTime.UtcNow.AddHours(-2));
        Assert.NotNull(cache.Read("a")); // used now, so b is the oldest
        cache.Write("d", new byte[100]);
        Assert.Null(cache.Read("b"));
        Assert.All((string[])["a", "c", "d"], key => Assert.NotNull(cache.Read(key)));
        Assert.False(File.Exists(leftOver));
    }

    [Fact]
    public void A_folder_that_cannot_be_written_costs_only_time()
    {
        File.WriteAllText(folder.File("file"), "");
        var compiler = new CountingCompiler();
        var cached = new CachedCompiler(compiler, new KernelCache(folder.File("file", "below")), 12040, file => file);
        Assert.Equal(cached.Compile(new KernelVariant("norm")), cached.Compile(new KernelVariant("norm")));
        Assert.Equal(2, compiler.Count);
    }

    [Fact]
    public void Its_place_is_LITESPARK_CACHE_or_the_systems()
    {
        Assert.Equal("/here", KernelCache.DefaultFolder(name => name == "LITESPARK_CACHE" ? "/here" : "/there"));
        if (OperatingSystem.IsWindows()) return;
        Assert.Equal("/there/litespark", KernelCache.DefaultFolder(name => name == "XDG_CACHE_HOME" ? "/there" : null));
        Assert.EndsWith("/.cache/litespark", KernelCache.DefaultFolder(_ => null));
    }

    sealed class CountingCompiler : IKernelCompiler
    {
        public int Count { get; private set; }

        public string Identity { get; set; } = "counting";

        public byte[] Compile(KernelVariant variant)
        {
            Count++;
            return Encoding.UTF8.GetBytes($"machine code of {variant}");
        }
    }
}
