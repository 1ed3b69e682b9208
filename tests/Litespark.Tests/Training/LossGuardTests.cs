using Litespark.Training;

namespace Litespark.Tests.Training;

public class LossGuardTests
{
    [Theory]
    [InlineData(double.NaN, 1)]
    [InlineData(double.PositiveInfinity, 1)]
    [InlineData(2, double.NaN)]
    [InlineData(2, double.PositiveInfinity)]
    public void What_is_not_finite_is_told_from_the_first_step(double loss, double norm)
    {
        var guard = new LossGuard(3);
        Assert.Equal(LossProblem.NotFinite, guard.Check(loss, norm));
        Assert.Equal(0, guard.Count);
    }

    [Fact]
    public void A_spike_is_told_once_there_is_a_mean_and_does_not_enter_it()
    {
        var guard = new LossGuard(3);
        Assert.Equal(LossProblem.None, guard.Check(2, 1));
        Assert.Equal(LossProblem.None, guard.Check(60, 1));
        for (int i = 0; i < 200; i++) Assert.Equal(LossProblem.None, guard.Check(2, 1));
        double mean = guard.Mean;
        Assert.Equal(2, mean, 1e-2);
        Assert.Equal(LossProblem.Exploded, guard.Check(6.2, 1));
        Assert.Equal(mean, guard.Mean);
        Assert.Equal(LossProblem.None, guard.Check(5.8, 1));
    }

    [Fact]
    public void Factor_zero_lets_every_finite_loss_pass()
    {
        var guard = new LossGuard(0);
        for (int i = 0; i < 50; i++) guard.Check(1, 1);
        Assert.Equal(LossProblem.None, guard.Check(1e9, 1));
        Assert.Equal(LossProblem.NotFinite, guard.Check(double.NaN, 1));
    }
}
