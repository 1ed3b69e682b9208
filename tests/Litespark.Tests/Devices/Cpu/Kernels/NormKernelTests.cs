using Litespark.Devices.Cpu.Kernels;

namespace Litespark.Tests.Devices.Cpu.Kernels;

public sealed unsafe class NormKernelTests
{
    const float Epsilon = 1e-3f;

    [Theory]
    [InlineData(1, 1, 1)]
    [InlineData(5, 37, 37)]
    [InlineData(130, 64, 64)]
    [InlineData(7, 60, 20)]
    [InlineData(3, 24, 3)]
    [InlineData(3, 150, 150)]
    public void Rms_norm_adds_the_residual_and_normalises_each_group(int rows, int columns, int groupSize)
    {
        using var trial = new KernelTrial();
        Operand x = trial.Random(rows, columns, gap: 5);
        Operand residual = trial.Random(rows, columns, gap: 1), weight = trial.Random(1, groupSize);
        Operand sum = trial.Zeros(rows, columns, gap: 3), y = trial.Zeros(rows, columns, gap: 7);
        Operand inverse = trial.Zeros(1, rows * columns / groupSize);
        double[] total = Reference.Add(x.Values, residual.Values);
        trial.Run(
            pool => new RmsNormKernel(pool, x.Matrix, residual.Matrix, weight.Data, sum.Matrix, y.Matrix, inverse.Data, Epsilon, groupSize),
            () =>
            {
                Reference.AssertClose(total, sum.Values, 1e-6);
                Reference.AssertClose(RmsNorm(total, weight.Values), y.Values);
                Reference.AssertClose(InverseRms(total, groupSize), inverse.Values);
            });
        double[] input = x.Values;
        trial.Run(
            pool => new RmsNormKernel(pool, x.Matrix, default, weight.Data, default, y.Matrix, null, Epsilon, groupSize),
            () => Reference.AssertClose(RmsNorm(input, weight.Values), y.Values));
        trial.Run(
            pool => new RmsNormKernel(pool, x.Matrix, residual.Matrix, weight.Data, residual.Matrix, x.Matrix, null, Epsilon, groupSize),
            () =>
            {
                Reference.AssertClose(total, residual.Values, 1e-6);
                Reference.AssertClose(RmsNorm(total, weight.Values), x.Values);
            });
    }

    [Theory]
    [InlineData(5, 37, 37)]
    [InlineData(70, 17, 17)]
    [InlineData(3, 150, 150)]
    [InlineData(33, 60, 20)]
    public void Gradient_of_rms_norm_matches_finite_differences(int rows, int columns, int groupSize)
    {
        using var trial = new KernelTrial();
        Operand dy = trial.Random(rows, columns, gap: 3);
        Operand x = trial.Random(rows, columns, gap: 5), addend = trial.Random(rows, columns, gap: 1);
        Operand weight = trial.Random(1, groupSize), dx = trial.Zeros(rows, columns, gap: 2), dWeight = trial.Random(1, groupSize);
        double[] inverses = InverseRms(x.Values, groupSize);
        Operand inverse = trial.New(1, inverses.Length, 0, (_, c) => (float)inverses[c]);
        double[] expected = Reference.Gradient(v => RmsNorm(v, weight.Values), x.Values, dy.Values);
        double[] expectedWeight = Reference.Gradient(w => RmsNorm(x.Values, w), weight.Values, dy.Values);
        double[] before = dWeight.Values, expectedWithAddend = Reference.Add(expected, addend.Values);

        trial.Run(
            pool => new RmsNormGradientKernel(
                pool, dy.Matrix, x.Matrix, weight.Data, inverse.Data, default, dx.Matrix, dWeight.Data, accumulateWeight: false, groupSize),
            () =>
            {
                Reference.AssertClose(expected, dx.Values);
                Reference.AssertClose(expectedWeight, dWeight.Values);
            });
        foreach (Operand output in new[] { dx, dy, x, addend })
        {
            trial.Run(
                pool => new RmsNormGradientKernel(
                    pool, dy.Matrix, x.Matrix, weight.Data, inverse.Data, addend.Matrix, output.Matrix, dWeight.Data, true, groupSize),
                () =>
                {
                    Reference.AssertClose(expectedWithAddend, output.Values);
                    Reference.AssertClose(Reference.Add(before, expectedWeight), dWeight.Values);
                });
        }
    }

    [Fact]
    public void A_frozen_weight_gets_no_gradient()
    {
        using var trial = new KernelTrial();
        Operand dy = trial.Random(4, 9), x = trial.Random(4, 9);
        Operand weight = trial.Random(1, 9), mean = trial.Random(1, 4), inverse = trial.Positive(1, 4);
        Operand dx = trial.Zeros(4, 9), expected = trial.Zeros(4, 9), dWeight = trial.Zeros(1, 9), dBias = trial.Zeros(1, 9);
        trial.Run(
            pool => new Sequence(
                new RmsNormGradientKernel(pool, dy.Matrix, x.Matrix, weight.Data, inverse.Data, default, dx.Matrix, null, false, 9),
                new RmsNormGradientKernel(
                    pool, dy.Matrix, x.Matrix, weight.Data, inverse.Data, default, expected.Matrix, dWeight.Data, false, 9)),
            () => Assert.Equal(expected.Values, dx.Values));
        trial.Run(
            pool => new Sequence(
                new LayerNormGradientKernel(
                    pool, dy.Matrix, x.Matrix, weight.Data, mean.Data, inverse.Data, default, dx.Matrix, null, null, false),
                new LayerNormGradientKernel(
                    pool, dy.Matrix, x.Matrix, weight.Data, mean.Data, inverse.Data, default, expected.Matrix,
                    dWeight.Data, dBias.Data, false)),
            () => Assert.Equal(expected.Values, dx.Values));
    }

    [Theory]
    [InlineData(1, 2)]
    [InlineData(3, 150)]
    [InlineData(5, 37)]
    [InlineData(130, 64)]
    public void Layer_norm_adds_the_residual_and_normalises_each_row(int rows, int columns)
    {
        using var trial = new KernelTrial();
        // A large common offset: a variance from the mean of squares would cancel.
        Operand x = trial.New(rows, columns, 5, (_, _) => 1000 + trial.Next()), residual = trial.Random(rows, columns, gap: 1);
        Operand weight = trial.Random(1, columns), bias = trial.Random(1, columns);
        Operand sum = trial.Zeros(rows, columns, gap: 3), y = trial.Zeros(rows, columns, gap: 7);
        Operand mean = trial.Zeros(1, rows), inverse = trial.Zeros(1, rows);
        double[] total = [.. Reference.Add(x.Values, residual.Values).Select(v => (double)(float)v)];
        trial.Run(
            pool => new LayerNormKernel(
                pool, x.Matrix, residual.Matrix, weight.Data, bias.Data, sum.Matrix, y.Matrix, mean.Data, inverse.Data, Epsilon),
            () =>
            {
                Assert.Equal(total, sum.Values);
                Reference.AssertClose(LayerNorm(total, weight.Values, bias.Values), y.Values, 1e-3);
                for (int n = 0; n < rows; n++)
                {
                    (double average, double std) = Moments(total, n, columns);
                    Reference.AssertClose([average, 1 / std], [mean.Values[n], inverse.Values[n]], 1e-4);
                }
            });
    }

    [Fact]
    public void Layer_norm_works_in_place_and_without_bias_or_statistics()
    {
        using var trial = new KernelTrial();
        Operand x = trial.Random(6, 21, gap: 2), weight = trial.Random(1, 21);
        double[] expected = LayerNorm(x.Values, weight.Values, new double[21]);
        trial.Run(
            pool => new LayerNormKernel(pool, x.Matrix, default, weight.Data, null, default, x.Matrix, null, null, Epsilon),
            () => Reference.AssertClose(expected, x.Values));
    }

    [Theory]
    [InlineData(5, 37)]
    [InlineData(70, 17)]
    [InlineData(3, 150)]
    public void Gradient_of_layer_norm_matches_finite_differences(int rows, int columns)
    {
        using var trial = new KernelTrial();
        Operand dy = trial.Random(rows, columns, gap: 3);
        Operand x = trial.Random(rows, columns, gap: 5), addend = trial.Random(rows, columns, gap: 1);
        Operand weight = trial.Random(1, columns), bias = trial.Random(1, columns), dx = trial.Zeros(rows, columns, gap: 2);
        Operand dWeight = trial.Random(1, columns), dBias = trial.Random(1, columns);
        Operand mean = trial.New(1, rows, 0, (_, n) => (float)Moments(x.Values, n, columns).Mean);
        Operand inverse = trial.New(1, rows, 0, (_, n) => (float)(1 / Moments(x.Values, n, columns).Std));
        double[] expected = Reference.Gradient(v => LayerNorm(v, weight.Values, bias.Values), x.Values, dy.Values);
        double[] expectedWeight = Reference.Gradient(w => LayerNorm(x.Values, w, bias.Values), weight.Values, dy.Values);
        double[] expectedBias = Reference.Gradient(b => LayerNorm(x.Values, weight.Values, b), bias.Values, dy.Values);
        double[] weightBefore = dWeight.Values, biasBefore = dBias.Values, expectedWithAddend = Reference.Add(expected, addend.Values);

        trial.Run(
            pool => new LayerNormGradientKernel(
                pool, dy.Matrix, x.Matrix, weight.Data, mean.Data, inverse.Data, default, dx.Matrix, dWeight.Data, dBias.Data, false),
            () =>
            {
                Reference.AssertClose(expected, dx.Values);
                Reference.AssertClose(expectedWeight, dWeight.Values);
                Reference.AssertClose(expectedBias, dBias.Values);
            });
        foreach (Operand output in new[] { dx, dy, x, addend })
        {
            trial.Run(
                pool => new LayerNormGradientKernel(
                    pool, dy.Matrix, x.Matrix, weight.Data, mean.Data, inverse.Data, addend.Matrix, output.Matrix,
                    dWeight.Data, dBias.Data, true),
                () =>
                {
                    Reference.AssertClose(expectedWithAddend, output.Values);
                    Reference.AssertClose(Reference.Add(weightBefore, expectedWeight), dWeight.Values);
                    Reference.AssertClose(Reference.Add(biasBefore, expectedBias), dBias.Values);
                });
        }
    }

    static double[] InverseRms(double[] x, int groupSize)
        => [.. x.Chunk(groupSize).Select(group => 1 / Math.Sqrt(group.Sum(v => v * v) / groupSize + Epsilon))];

    static double[] RmsNorm(double[] x, double[] weight)
    {
        double[] inverse = InverseRms(x, weight.Length);
        return [.. x.Select((v, i) => v * inverse[i / weight.Length] * weight[i % weight.Length])];
    }

    static (double Mean, double Std) Moments(double[] x, int row, int columns)
    {
        double[] values = x[(row * columns)..((row + 1) * columns)];
        double mean = values.Average();
        return (mean, Math.Sqrt(values.Average(v => (v - mean) * (v - mean)) + Epsilon));
    }

    static double[] LayerNorm(double[] x, double[] weight, double[] bias)
    {
        int columns = weight.Length;
        double[] y = new double[x.Length];
        for (int n = 0; n < x.Length / columns; n++)
        {
            (double mean, double std) = Moments(x, n, columns);
            for (int c = 0; c < columns; c++) y[n * columns + c] = (x[n * columns + c] - mean) / std * weight[c] + bias[c];
        }

        return y;
    }
}
