using Litespark.Benchmarks.Builds;
using Litespark.Benchmarks.Measuring;
using BuildKernel = (string Name, string Phase, string Operands, int Calls);

namespace Litespark.Benchmarks.Tests;

/// <summary>Pairs of turns, and the kernels of two builds that are one and the same.</summary>
public class PairTests
{
    static BuildKernel Kernel(string name, string operands, int calls = 1) => (name, "forward", operands, calls);

    [Fact]
    public void The_ratio_is_that_of_each_pair_not_of_the_medians()
    {
        // The machine slows down to a third and something disturbs two pairs: the medians of the sides alone say 3.
        PairFigures figures = PairFigures.Of([(2, 1), (4, 2), (6, 3), (8, 1), (6, 6)]);
        Assert.Equal((6, 2, 2, 5), (figures.First, figures.Second, figures.Ratio, figures.Pairs));
        Assert.Equal((2, 2), (figures.Lower, figures.Upper));
        Assert.Throws<ArgumentException>(() => PairFigures.Of([]));
    }

    [Fact]
    public void Both_sides_run_as_often_and_take_turns_in_beginning()
    {
        var turns = new List<string>();
        PairSide Side(string name) => new(() => turns.Add(name), () => Thread.Sleep(1));
        PairFigures figures = new PairContest { Budget = TimeSpan.Zero, LeastPairs = 3, WarmUp = TimeSpan.Zero }.Measure(Side("a"), Side("b"));
        Assert.Equal(3, figures.Pairs);
        Assert.Equal(["a", "b", /* pairs: */ "a", "b", "b", "a", "a", "b"], turns);
    }

    [Fact]
    public void A_block_has_as_many_runs_as_fill_it_within_limits()
    {
        var block = TimeSpan.FromMilliseconds(4);
        Assert.Equal(1, PairContest.RunsIn(block, 0.1));
        Assert.Equal(3, PairContest.RunsIn(block, 1.5e-3));
        Assert.Equal(32, PairContest.RunsIn(block, 1e-9));
    }

    [Fact]
    public void Kernels_are_matched_by_what_they_are_whatever_their_place_or_number_of_calls()
    {
        BuildKernel[] other = [Kernel("rope", "4×4"), Kernel("matmul", "2×2", calls: 3), Kernel("gone", "1×1")], own = [Kernel("matmul", "2×2"), Kernel("matmul", "2×3"), Kernel("rope", "4×4")];
        (IReadOnlyList<KernelPair> pairs, IReadOnlyList<int> otherAlone, IReadOnlyList<int> ownAlone) = KernelPair.Match(other, own, [0.5, 0.25, 0.125]);
        Assert.Equal([new KernelPair(own[0], 1, 0, 0.5), new KernelPair(own[2], 0, 2, 0.125)], pairs);
        Assert.Equal([2], otherAlone);
        Assert.Equal([1], ownAlone);
    }

    [Fact]
    public void Kernels_that_differ_in_the_distance_of_rows_alone_are_matched_where_no_other_could_be_meant()
    {
        BuildKernel[] other = [Kernel("matmul", "8×4 → 8×2"), Kernel("add", "4×2"), Kernel("add", "4×2/8")], own = [Kernel("matmul", "8×4/20 → 8×2/18"), Kernel("add", "4×2/6"), Kernel("add", "4×2/7")];
        (IReadOnlyList<KernelPair> pairs, IReadOnlyList<int> otherAlone, IReadOnlyList<int> ownAlone) = KernelPair.Match(other, own, [0.5, 0.25, 0.125]);
        Assert.Equal([new KernelPair(own[0], 0, 0, 0.5)], pairs);
        Assert.Equal([1, 2], otherAlone);
        Assert.Equal([1, 2], ownAlone);
    }

    [Theory]
    [InlineData("matmul", true)]
    [InlineData("MATMUL forward", true)]
    [InlineData("mat*2048×288", true)]
    [InlineData("backward", false)]
    public void A_pattern_chooses_kernels_by_a_part_of_their_text(string pattern, bool chosen)
        => Assert.Equal(chosen, KernelPair.Matches(Kernel("matmul", "2048×288, 288×288 → 2048×288"), pattern));

    [Fact]
    public void All_kernels_together_weigh_by_their_time_in_this_builds_step()
    {
        static (KernelPair, PairFigures) Row(double seconds, double ratio) => (new KernelPair(Kernel("k", ""), 0, 0, seconds), new PairFigures(0, 0, ratio, 0, 0, 1));
        // 3 s that took 6, 1 s that took 0.5: 6.5 over 4.
        Assert.Equal(1.625, KernelPair.Together([Row(3, 2), Row(1, 0.5)]), 12);
    }
}
