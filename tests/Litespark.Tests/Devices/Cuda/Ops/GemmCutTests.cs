using Litespark.Devices.Cuda.Driver;
using Litespark.Devices.Cuda.Ops;

namespace Litespark.Tests.Devices.Cuda.Ops;

public class GemmCutTests
{
    static readonly GpuProperties gpu = new("GPU", 9, 0, Multiprocessors: 132, MemoryBytes: 80L << 30, SharedMemoryPerBlock: 227 << 10, SecondLevelCacheBytes: 50 << 20, DriverVersion: 12040);

    [Fact]
    public void Large_products_take_the_largest_blocks_and_are_not_split()
    {
        GemmCut cut = Choose(16384, 16384, 3072);
        Assert.Equal((GemmTile.TensorCore[0], 1), (cut.Tile, cut.Splits));
    }

    [Theory]
    [InlineData(288, 288, 65536)]
    [InlineData(8, 4096, 4096)]
    [InlineData(768, 768, 16384)]
    public void Few_blocks_with_long_sums_are_split_so_that_most_multiprocessors_work(int m, int n, int k)
    {
        GemmCut cut = Choose(m, n, k);
        Assert.True(cut.Splits > 1, $"{cut}");
        Assert.True(cut.Tile.Blocks(m, n) * cut.Splits >= gpu.Multiprocessors / 2, $"{cut}");
    }

    [Theory]
    [InlineData(1, 1, 1)]
    [InlineData(64, 64, 64)]
    [InlineData(100_000, 8, 100_000)]
    [InlineData(8, 128_256, 3072)]
    public void Parts_are_never_empty(int m, int n, int k)
    {
        GemmCut cut = Choose(m, n, k);
        int steps = (k + cut.Tile.K - 1) / cut.Tile.K, each = (steps + cut.Splits - 1) / cut.Splits;
        Assert.True(cut.Splits == 1 || (cut.Splits - 1) * each < steps, $"{cut}");
    }

    [Fact]
    public void Batches_are_not_split() => Assert.Equal(1, GemmCut.Choose(GemmTile.TensorCore, 64, 64, 1 << 16, batch: 2, gpu).Splits);

    [Fact]
    public void Blocks_fit_the_smallest_shared_memory() => Assert.All(GemmTile.TensorCore, tile => Assert.True(tile.SharedBytes <= 99 << 10, $"{tile}"));

    static GemmCut Choose(int m, int n, int k) => GemmCut.Choose(GemmTile.TensorCore, m, n, k, batch: 1, gpu);
}
