using BenchmarkDotNet.Attributes;

namespace Litespark.Benchmarks.Kernels;

/// <summary>Allocates on purpose: a check that does not see this sees nothing.</summary>
public class AllocatingControl
{
    [Benchmark]
    public byte[] Allocates() => new byte[1];
}
