using Litespark.Benchmarks.Kernels;
using Litespark.Benchmarks.Measuring;
using Litespark.Benchmarks.Verbs;

namespace Litespark.Benchmarks.Tests;

public class AllocationTests
{
    static readonly Allocation Clean = new("A.B", 0, IsControl: false), Control = new("Control", 24, IsControl: true);

    [Fact]
    public void An_allocation_is_seen_even_where_not_every_operation_allocates()
        => Assert.True(AllocationCount.Of(new AllocatingControl().Allocates) > 0);

    [Fact]
    public void Nothing_is_wrong_where_nothing_allocates_but_the_control() => Assert.Empty(AllocationVerdict.Judge([Clean, Control]));

    [Fact]
    public void The_check_fails_on_an_allocation_a_failed_run_a_blind_control_and_on_nothing_run()
    {
        Assert.Contains("A.B", Assert.Single(AllocationVerdict.Judge([Clean with { Bytes = 1 }, Control])), StringComparison.Ordinal);
        Assert.Contains("A.B", Assert.Single(AllocationVerdict.Judge([Clean with { Bytes = null }, Control])), StringComparison.Ordinal);
        Assert.Single(AllocationVerdict.Judge([Clean, Control with { Bytes = 0 }]));
        Assert.Single(AllocationVerdict.Judge([Clean]));
        Assert.Single(AllocationVerdict.Judge([Control]));
    }

    [Fact]
    public void The_check_finds_the_benchmark_classes() => Assert.Contains(typeof(GemmBenchmarks), CheckVerb.Types());
}
