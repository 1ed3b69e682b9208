using BenchmarkDotNet.Attributes;

namespace Litespark.Benchmarks.Kernels;

/// <summary>Allocates on purpose, as little as can be: a check that does not see this sees nothing.</summary>
public class AllocatingControl
{
    object? last;

    [Benchmark]
    public void Allocates() => last = last is null ? new object() : null; // every other time
}
