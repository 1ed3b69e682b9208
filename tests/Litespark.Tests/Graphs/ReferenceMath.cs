using Litespark.Graphs;
using Litespark.Graphs.Ops;

namespace Litespark.Tests.Graphs;

/// <summary>Definitions of the smaller ops in double precision.</summary>
internal static class ReferenceMath
{
    public static double Activation(ActivationKind kind, double x) => kind switch
    {
        ActivationKind.Silu => x / (1 + Math.Exp(-x)),
        ActivationKind.Gelu => 0.5 * x * (1 + Erf(x / Math.Sqrt(2))),
        ActivationKind.GeluTanh => 0.5 * x * (1 + Math.Tanh(Math.Sqrt(2 / Math.PI) * (x + 0.044715 * x * x * x))),
        ActivationKind.Relu => Math.Max(x, 0),
        _ => throw new NotSupportedException(kind.ToString()),
    };

    /// <summary>2/√π · e^(−x²) · Σ 2ⁿ x^(2n+1) / (2n+1)!!: all terms have one sign, so nothing cancels.</summary>
    public static double Erf(double x)
    {
        if (Math.Abs(x) > 6) return Math.Sign(x);
        double term = x, sum = x;
        for (int n = 1; n < 300 && Math.Abs(term) > 1e-18 * Math.Abs(sum); n++) sum += term *= 2 * x * x / (2 * n + 1);
        return 2 / Math.Sqrt(Math.PI) * Math.Exp(-x * x) * sum;
    }

    public static double[] GatedActivation(ActivationKind kind, double[] gateUp, int width)
    {
        var y = new double[gateUp.Length / 2];
        for (int i = 0; i < y.Length; i++)
        {
            int row = i / width, column = i % width;
            y[i] = Activation(kind, gateUp[row * 2 * width + column]) * gateUp[row * 2 * width + width + column];
        }

        return y;
    }

    public static double[] ColumnSum(double[] x, int columns)
    {
        var sums = new double[columns];
        for (int i = 0; i < x.Length; i++) sums[i % columns] += x[i];
        return sums;
    }

    public static double[] Rope(Rope op, double[][] x, int columns)
    {
        double[] y = [.. x[0]];
        int half = op.RotaryDim / 2;
        for (int start = 0; start < y.Length; start += op.HeadDim)
        {
            int position = (int)x[1][start / columns];
            for (int i = 0; i < half; i++)
            {
                (double cos, double sin) = (x[2][position * half + i], (op.Inverse ? -1 : 1) * x[3][position * half + i]);
                (double left, double right) = (x[0][start + i], x[0][start + half + i]);
                (y[start + i], y[start + half + i]) = (left * cos - right * sin, right * cos + left * sin);
            }
        }

        return y;
    }

    /// <summary>Token losses and log-sum-exp.</summary>
    public static double[][] CrossEntropy(double[] logits, double[] targets, int columns)
    {
        double[] losses = new double[targets.Length], sums = new double[targets.Length];
        for (int row = 0; row < targets.Length; row++)
        {
            ReadOnlySpan<double> values = logits.AsSpan(row * columns, columns);
            double largest = double.NegativeInfinity, total = 0;
            foreach (double value in values) largest = Math.Max(largest, value);
            foreach (double value in values) total += Math.Exp(value - largest);
            sums[row] = largest + Math.Log(total);
            if (targets[row] >= 0) losses[row] = sums[row] - values[(int)targets[row]];
        }

        return [losses, sums];
    }
}
