using Litespark.Devices.Cpu.Kernels;

namespace Litespark.Tests.Devices.Cpu.Kernels;

public sealed unsafe class RopeKernelTests
{
    const int MaxPositions = 50;

    [Theory]
    [InlineData(1, 1, 2, 2)]
    [InlineData(9, 3, 16, 16)]
    [InlineData(30, 2, 22, 22)]
    [InlineData(9, 3, 23, 10)]
    public void Halves_of_each_head_are_rotated_and_back(int tokens, int heads, int headDim, int rotaryDim)
    {
        using var trial = new KernelTrial();
        int[] positions = [.. Enumerable.Range(0, tokens).Select(_ => trial.NextInteger(MaxPositions))];
        Operand position = trial.Integers(positions);
        Operand cos = trial.New(MaxPositions, rotaryDim / 2, 0, (p, i) => (float)Math.Cos(Angle(p, i, rotaryDim)));
        Operand sin = trial.New(MaxPositions, rotaryDim / 2, 0, (p, i) => (float)Math.Sin(Angle(p, i, rotaryDim)));
        Operand x = trial.Random(tokens, heads * headDim, gap: 5), y = trial.Zeros(tokens, heads * headDim, gap: 3);
        double[] input = x.Values, cotangent = Rotate(input, positions, heads, headDim, rotaryDim);
        double[] gradient = Reference.Gradient(v => Rotate(v, positions, heads, headDim, rotaryDim), input, input);

        RopeKernel Build(Litespark.Devices.Cpu.WorkerPool pool, Operand output, bool inverse) => new(
            pool, x.Matrix, position.Integers, cos.Data, sin.Data, output.Matrix, headDim, rotaryDim, inverse);

        foreach (Operand output in new[] { y, x })
        {
            trial.Run(pool => Build(pool, output, inverse: false), () => Reference.AssertClose(cotangent, output.Values, 1e-6));
            trial.Run(pool => Build(pool, output, inverse: true), () => Reference.AssertClose(gradient, output.Values, 1e-6));
        }

        trial.Run(
            pool => new Sequence(Build(pool, x, inverse: false), Build(pool, x, inverse: true)),
            () => Reference.AssertClose(input, x.Values, 1e-6));
    }

    static double Angle(int position, int pair, int rotaryDim) => position * Math.Pow(10000, -2.0 * pair / rotaryDim);

    static double[] Rotate(double[] x, int[] positions, int heads, int headDim, int rotaryDim)
    {
        double[] y = [.. x];
        int half = rotaryDim / 2;
        for (int n = 0; n < positions.Length; n++)
        {
            for (int head = 0; head < heads; head++)
            {
                for (int i = 0; i < half; i++)
                {
                    int first = (n * heads + head) * headDim + i, second = first + half;
                    (double s, double c) = Math.SinCos(Angle(positions[n], i, rotaryDim));
                    (y[first], y[second]) = (x[first] * c - x[second] * s, x[second] * c + x[first] * s);
                }
            }
        }

        return y;
    }
}
