using Litespark.Recipes;
using Litespark.Training.Sparsity;

namespace Litespark.Tests.Training.Sparsity;

public class SparsityScheduleTests
{
    /// <summary>Dense to 10, ramp to 20, ultra-sparse to 39, ramp to 50, dense to 60.</summary>
    static readonly SparsitySection mst = new()
    {
        Method = SparsityMethod.Mst, Sparsity = 0.8, UpdateEverySteps = 4, DropFraction = 0.4, Schedule = SparsityRamp.Linear,
        DenseUntilStep = new(10), SparseFromStep = new(20), RestoreFromStep = new(40), DenseFromStep = new(50),
    };

    static SparsitySchedule Of(SparsitySection section) => new(section, 60);

    [Theory]
    [InlineData(SparsityRamp.Linear, 15, 0.4)]
    [InlineData(SparsityRamp.Cubic, 15, 0.7)]
    [InlineData(SparsityRamp.Step, 11, 0.8)]
    [InlineData(SparsityRamp.Linear, 1, 0)]
    [InlineData(SparsityRamp.Linear, 10, 0)]
    [InlineData(SparsityRamp.Linear, 11, 0.08)]
    [InlineData(SparsityRamp.Linear, 20, 0.8)]
    [InlineData(SparsityRamp.Linear, 39, 0.8)]
    [InlineData(SparsityRamp.Linear, 49, 0.8 / 11)]
    [InlineData(SparsityRamp.Cubic, 49, 0.8 / 11 / 11 / 11)]
    [InlineData(SparsityRamp.Step, 40, 0)]
    [InlineData(SparsityRamp.Linear, 50, 0)]
    [InlineData(SparsityRamp.Linear, 60, 0)]
    public void Sparsity_rises_and_falls_along_its_ramps(SparsityRamp ramp, int step, double expected) =>
        Assert.Equal(expected, Of(mst with { Schedule = ramp }).SparsityAt(step), 12);

    [Theory]
    [InlineData(10, SparsityPhase.DenseStart)]
    [InlineData(11, SparsityPhase.WarmUp)]
    [InlineData(19, SparsityPhase.WarmUp)]
    [InlineData(20, SparsityPhase.UltraSparse)]
    [InlineData(39, SparsityPhase.UltraSparse)]
    [InlineData(40, SparsityPhase.Restoration)]
    [InlineData(49, SparsityPhase.Restoration)]
    [InlineData(50, SparsityPhase.DenseEnd)]
    public void A_step_has_one_phase(int step, SparsityPhase expected) => Assert.Equal(expected, Of(mst).PhaseAt(step));

    [Fact]
    public void Masks_change_at_intervals_of_each_phase_and_where_a_ramp_ends() =>
        Assert.Equal([14, 18, 19, 23, 27, 31, 35, 43, 47, 49], TopologySteps(Of(mst)));

    [Fact]
    public void A_jump_is_made_before_its_first_step() =>
        Assert.Equal([10, 14, 18, 22, 26, 30, 34, 38, 39], TopologySteps(Of(mst with { Schedule = SparsityRamp.Step })));

    [Fact]
    public void Exchange_ends_but_ramps_go_on() => Assert.Equal([14, 18, 19, 23, 43, 47, 49], TopologySteps(Of(mst with { UpdateUntilStep = new(25) })));

    [Fact]
    public void Methods_without_phases_exchange_at_whole_intervals()
    {
        Assert.Equal([20, 40], TopologySteps(Of(new SparsitySection { Method = SparsityMethod.Rigl, UpdateEverySteps = 20 })));
        Assert.Empty(TopologySteps(Of(new SparsitySection { Method = SparsityMethod.Static, UpdateEverySteps = 1 })));
    }

    [Theory]
    [InlineData(14, 4.0 / 9)]
    [InlineData(19, 1.0)]
    [InlineData(23, 4.0 / 20)]
    [InlineData(35, 16.0 / 20)]
    [InlineData(43, 4.0 / 10)]
    [InlineData(49, 1.0)]
    public void Drops_anneal_within_each_phase(int step, double progress) =>
        Assert.Equal(0.2 * (1 + Math.Cos(Math.PI * progress)), Of(mst).DropFractionAt(step), 12);

    [Fact]
    public void Nothing_is_exchanged_after_the_last_update() => Assert.Equal(0, Of(mst with { UpdateUntilStep = new(25) }).DropFractionAt(43));

    [Theory]
    [InlineData(null, null, 20, 39)]
    [InlineData(5, null, 5, 39)]
    [InlineData(null, 45, 20, 45)]
    public void Attention_is_sparse_with_the_weights_or_by_its_own_steps(int? from, int? until, int first, int last)
    {
        SparsitySchedule schedule = Of(mst with
        {
            Attention = new() { Pattern = AttentionPatternChoice.Local, FromStep = from is { } a ? new(a) : null, UntilStep = until is { } b ? new(b) : null },
        });
        Assert.Equal(Enumerable.Range(first, last - first + 1), Enumerable.Range(1, 60).Where(schedule.IsAttentionSparse));
        Assert.False(Of(mst).IsAttentionSparse(first));
    }

    [Fact]
    public void Attention_needs_no_method() =>
        Assert.True(Enumerable.Range(1, 60).All(Of(new SparsitySection { Attention = new() { Pattern = AttentionPatternChoice.Fixed } }).IsAttentionSparse));

    static int[] TopologySteps(SparsitySchedule schedule) => [.. Enumerable.Range(1, 60).Where(schedule.IsTopologyStep)];
}
