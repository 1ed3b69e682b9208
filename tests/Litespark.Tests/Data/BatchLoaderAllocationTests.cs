using Litespark.Data;
using Litespark.Data.Loading;

namespace Litespark.Tests.Data;

/// <summary>Run while no other test does: what is measured counts every thread of the process.</summary>
[CollectionDefinition("Data allocation", DisableParallelization = true)]
public class BatchLoaderAllocationCollection;

[Collection("Data allocation")]
public class BatchLoaderAllocationTests
{
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Handing_over_a_step_allocates_nothing(bool mask)
    {
        using DataFolder folder = new();
        DataOptions options = new()
        {
            CacheDir = folder["cache"],
            ValidationFraction = 0,
            DocumentMask = mask,
            Sources =
            [
                new DataSourceOptions { Paths = [folder.WriteDocuments("a.jsonl", 40)], Weight = 2 },
                new DataSourceOptions { Source = DataSourceKind.Synthetic },
            ],
        };
        using DataPipeline data = DataPipeline.Open(options, new ByteEncoder(), seed: 1, threads: 1);
        using BatchLoader loader = data.CreateLoader(64, 2, 4);
        for (int i = 0; i < 500; i++) loader.Next();
        long least = long.MaxValue;
        // The runtime itself allocates now and then (tiering, the test host): the least of a few rounds is the loader's own.
        for (int round = 0; round < 10 && least > 0; round++)
        {
            long before = GC.GetTotalAllocatedBytes(precise: true);
            for (int i = 0; i < 500; i++) loader.Next();
            least = Math.Min(least, GC.GetTotalAllocatedBytes(precise: true) - before);
        }
        Assert.Equal(0, least);
    }
}
