using Litespark.Devices.Cpu.Kernels;

namespace Litespark.Tests.Devices.Cpu.Kernels;

public sealed unsafe class OptimizerKernelTests
{
    const int Steps = 3;

    [Theory]
    [InlineData(1, true)]
    [InlineData(37, false)]
    [InlineData(17_001, true)]
    public void AdamW_follows_the_published_update(int count, bool clipped)
    {
        const double Rate = 0.02, Clip = 0.5, Epsilon = 1e-3;
        var settings = new AdamWSettings(0.9, 0.95, Epsilon, 0.1);
        using var trial = new KernelTrial();
        Operand weight = trial.Random(1, count), gradient = trial.Random(1, count);
        Operand m = trial.Random(1, count, scale: 0.1f), v = trial.Positive(1, count);
        Operand schedule = trial.New(1, 3, 0, (_, i) => (float)(i == 0 ? Rate : 1 - Math.Pow(i == 1 ? 0.9 : 0.95, 7)));
        Operand clip = trial.Scalar((float)Clip);
        double[] w = weight.Values, g = gradient.Values, mean = m.Values, square = v.Values;
        for (int step = 0; step < Steps; step++)
        {
            for (int i = 0; i < count; i++)
            {
                double slope = g[i] * (clipped ? Clip : 1);
                w[i] *= 1 - Rate * 0.1;
                mean[i] = 0.9 * mean[i] + 0.1 * slope;
                square[i] = 0.95 * square[i] + 0.05 * slope * slope;
                w[i] -= Rate * (mean[i] / (1 - Math.Pow(0.9, 7))) / (Math.Sqrt(square[i]) / Math.Sqrt(1 - Math.Pow(0.95, 7)) + Epsilon);
            }
        }

        trial.Run(
            pool => new AdamWKernel(
                pool, weight.Data, gradient.Data, m.Data, v.Data, count, settings, schedule.Data, clipped ? clip.Data : null),
            () =>
            {
                Reference.AssertClose(w, weight.Values, 1e-6);
                Reference.AssertClose(mean, m.Values, 1e-6);
                Reference.AssertClose(square, v.Values, 1e-6);
            },
            Steps);
    }

    [Theory]
    [InlineData(37, false, true)]
    [InlineData(17_001, true, true)]
    [InlineData(5, true, false)]
    public void Momentum_accumulates_and_looks_ahead(int count, bool nesterov, bool clipped)
    {
        using var trial = new KernelTrial();
        Operand gradient = trial.Random(1, count), momentum = trial.Random(1, count);
        Operand update = trial.Zeros(1, count), clip = trial.Scalar(0.5f);
        double[] slope = [.. gradient.Values.Select(g => g * (clipped ? 0.5 : 1))];
        double[] moved = [.. slope.Zip(momentum.Values, (g, m) => 0.75 * m + g)];
        double[] expected = nesterov ? [.. slope.Zip(moved, (g, m) => g + 0.75 * m)] : moved;
        foreach (Operand output in new[] { update, gradient })
        {
            trial.Run(
                pool => new MomentumKernel(
                    pool, gradient.Data, momentum.Data, count, 0.75f, nesterov, clipped ? clip.Data : null, output.Data),
                () =>
                {
                    Reference.AssertClose(moved, momentum.Values, 1e-6);
                    Reference.AssertClose(expected, output.Values, 1e-6);
                });
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(17_001)]
    public void A_scaled_update_decays_the_weight_first(int count)
    {
        using var trial = new KernelTrial();
        Operand weight = trial.Random(1, count), update = trial.Random(1, count), rate = trial.Scalar(0.25f);
        double[] expected = [.. weight.Values.Zip(update.Values, (w, u) => w * (1 - 0.25 * 0.5) - 0.25 * 3 * u)];
        trial.Run(
            pool => new ScaledUpdateKernel(pool, weight.Data, update.Data, count, 3, 0.5f, rate.Data),
            () => Reference.AssertClose(expected, weight.Values, 1e-6));
    }
}
