using Litespark.Benchmarks.Measuring;

namespace Litespark.Benchmarks.Tests;

public class OpenBlasKernelsTests
{
    [Fact]
    public void The_fastest_turn_decides_the_librarys_own_choice_included()
    {
        Assert.Equal("SkylakeX", OpenBlasKernels.Fastest([(null, 31), ("Haswell", 79), ("SkylakeX", 90), (null, 31), ("Haswell", 80), ("SkylakeX", 155)]));
        Assert.Null(OpenBlasKernels.Fastest([(null, 104), ("Haswell", 60), ("Cooperlake", 103)]));
        Assert.Null(OpenBlasKernels.Fastest([(null, 0), ("Haswell", 0)]));
    }
}
