using Litespark.Devices.Cpu.Kernels;

namespace Litespark.Tests.Devices.Cpu.Kernels;

public sealed unsafe class ReductionKernelTests
{
    [Theory]
    [InlineData(1, 1, false)]
    [InlineData(7, 37, true)]
    [InlineData(130, 200, false)]
    [InlineData(130, 200, true)]
    public void Columns_are_summed(int rows, int columns, bool accumulate)
    {
        using var trial = new KernelTrial();
        Operand x = trial.Random(rows, columns, gap: 3), y = trial.Random(1, columns);
        double[] expected = accumulate ? y.Values : new double[columns], values = x.Values;
        for (int i = 0; i < values.Length; i++) expected[i % columns] += values[i];
        trial.Run(pool => new ColumnSumKernel(pool, x.Matrix, y.Data, accumulate), () => Reference.AssertClose(expected, y.Values, 1e-5));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(515)]
    [InlineData(16 * 1024)]
    [InlineData(100_007)]
    public void Long_vectors_are_summed_to_fp32_rounding(int count)
    {
        using var trial = new KernelTrial();
        Operand x = trial.Positive(1, count), y = trial.Scalar(3);
        double sum = x.Values.Sum(), squares = x.Values.Sum(v => v * v);
        trial.Run(pool => new SumKernel(pool, x.Data, count, y.Data), () => Reference.AssertClose([sum], y.Values, 2e-7));
        trial.Run(
            pool => new SumOfSquaresKernel(pool, x.Data, count, y.Data, accumulate: false),
            () => Reference.AssertClose([squares], y.Values, 2e-7));
        trial.Run(
            pool => new SumOfSquaresKernel(pool, x.Data, count, y.Data, accumulate: true),
            () => Reference.AssertClose([squares + 3], y.Values, 2e-7));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(17_001)]
    public void A_vector_is_divided_by_its_norm(int count)
    {
        using var trial = new KernelTrial();
        Operand x = trial.Random(1, count), y = trial.Zeros(1, count);
        double norm = Math.Sqrt(x.Values.Sum(v => v * v));
        double[] expected = [.. x.Values.Select(v => v / (norm + 0.5))];
        foreach (Operand output in new[] { y, x })
            trial.Run(
                pool => new NormalizeKernel(pool, x.Data, count, 0.5f, output.Data),
                () => Reference.AssertClose(expected, output.Values, 1e-7));
    }

    [Theory]
    [InlineData(25, 2, 5, 0.4)]
    [InlineData(25, 8, 5, 1)]
    [InlineData(25, 0, 5, 1)]
    [InlineData(0, 1, 0, 1)]
    public void Only_a_norm_above_the_limit_is_clipped(float squares, float maxNorm, double expectedNorm, double expectedFactor)
    {
        using var trial = new KernelTrial();
        Operand sum = trial.Scalar(squares), norm = trial.Scalar(-1), factor = trial.Scalar(-1);
        trial.Run(
            pool => new ClipFactorKernel(pool, sum.Data, maxNorm, norm.Data, factor.Data),
            () =>
            {
                Reference.AssertClose([expectedNorm], norm.Values, 1e-7);
                Reference.AssertClose([expectedFactor], factor.Values, 1e-6);
            });
    }
}
