using Litespark.Devices.Cpu.Kernels;
using Litespark.Graphs;

namespace Litespark.Tests.Devices.Cpu.Kernels;

public sealed unsafe class ActivationKernelTests
{
    const double Step = 1e-5;

    [Theory]
    [InlineData(ActivationKind.Silu)]
    [InlineData(ActivationKind.Gelu)]
    [InlineData(ActivationKind.GeluTanh)]
    [InlineData(ActivationKind.Relu)]
    public void Values_and_slopes_match_the_definition(ActivationKind kind)
    {
        using var trial = new KernelTrial();
        // 5 rows of 19 cover [-6, 6]; the ends lie far out, where the slope must be exactly flat and no infinity may appear.
        Operand x = trial.New(5, 19, 4, (r, c) => (r, c) switch { (0, 0) => -90, (4, 18) => 90, _ => (r * 19 + c - 47) / 7.8f });
        Operand dy = trial.Random(5, 19, gap: 1), y = trial.Zeros(5, 19, gap: 2);
        double[] input = x.Values, expected = [.. input.Select(v => Value(kind, v))];
        double[] gradient = [.. input.Zip(dy.Values, (v, g) => Slope(kind, v) * g)];
        foreach (Operand output in new[] { y, x })
            trial.Run(
                pool => new ActivationKernel(pool, kind, x.Matrix, output.Matrix),
                () => Reference.AssertClose(expected, output.Values, 1e-6));
        foreach (Operand output in new[] { y, x, dy })
        {
            trial.Run(
                pool => new ActivationGradientKernel(pool, kind, dy.Matrix, x.Matrix, output.Matrix),
                () => Reference.AssertClose(gradient, output.Values, 2e-6));
        }
    }

    [Theory]
    [InlineData(ActivationKind.Silu, 7, 37)]
    [InlineData(ActivationKind.Gelu, 1, 1)]
    [InlineData(ActivationKind.GeluTanh, 130, 5)]
    [InlineData(ActivationKind.Relu, 3, 64)]
    public void Gated_values_and_gradients_match_the_definition(ActivationKind kind, int rows, int columns)
    {
        using var trial = new KernelTrial();
        // Gate and up side by side in one matrix, as the fused projection leaves them.
        Operand both = trial.Random(rows, 2 * columns, gap: 3, scale: 4);
        Operand h = trial.Zeros(rows, columns, gap: 1), dh = trial.Random(rows, columns, gap: 2);
        Litespark.Devices.Cpu.Matrix gate = new(both.Data, rows, columns, both.Matrix.Stride);
        Litespark.Devices.Cpu.Matrix up = new(both.Data + columns, rows, columns, both.Matrix.Stride);
        double[] input = both.Values, incoming = dh.Values, expected = new double[rows * columns], expectedBoth = new double[input.Length];
        for (int i = 0; i < expected.Length; i++)
        {
            int g = i / columns * 2 * columns + i % columns, u = g + columns;
            expected[i] = Value(kind, input[g]) * input[u];
            expectedBoth[g] = incoming[i] * input[u] * Slope(kind, input[g]);
            expectedBoth[u] = incoming[i] * Value(kind, input[g]);
        }

        trial.Run(pool => new GatedActivationKernel(pool, kind, gate, up, h.Matrix), () => Reference.AssertClose(expected, h.Values, 2e-6));
        trial.Run(
            pool => new GatedActivationGradientKernel(pool, kind, dh.Matrix, gate, up, gate, up),
            () => Reference.AssertClose(expectedBoth, both.Values, 2e-6));
        Operand dBoth = trial.Zeros(rows, 2 * columns, gap: 1);
        Litespark.Devices.Cpu.Matrix dGate = new(dBoth.Data, rows, columns, dBoth.Matrix.Stride);
        Litespark.Devices.Cpu.Matrix dUp = new(dBoth.Data + columns, rows, columns, dBoth.Matrix.Stride);
        trial.Run(
            pool => new GatedActivationGradientKernel(pool, kind, dh.Matrix, gate, up, dGate, dUp),
            () => Reference.AssertClose(expectedBoth, dBoth.Values, 2e-6));
    }

    /// <summary>Central difference; at the corner of the ReLU, where that is ½, the field takes 0.</summary>
    static double Slope(ActivationKind kind, double x)
        => kind == ActivationKind.Relu && x == 0 ? 0 : (Value(kind, x + Step) - Value(kind, x - Step)) / (2 * Step);

    static double Value(ActivationKind kind, double x) => kind switch
    {
        ActivationKind.Silu => x / (1 + Math.Exp(-x)),
        ActivationKind.Gelu => x * NormalDistribution(x),
        ActivationKind.GeluTanh => 0.5 * x * (1 + Math.Tanh(Math.Sqrt(2 / Math.PI) * (x + 0.044715 * x * x * x))),
        _ => Math.Max(x, 0),
    };

    /// <summary>½ + φ(x) (x + x³/3 + x⁵/(3·5) + …), which converges everywhere; beyond 9 the rest is below double rounding.</summary>
    static double NormalDistribution(double x)
    {
        if (Math.Abs(x) > 9) return x > 0 ? 1 : 0;
        double term = x, sum = x;
        for (int k = 3; k < 400; k += 2)
        {
            term *= x * x / k;
            sum += term;
        }

        return 0.5 + sum * Math.Exp(-x * x / 2) / Math.Sqrt(2 * Math.PI);
    }
}
