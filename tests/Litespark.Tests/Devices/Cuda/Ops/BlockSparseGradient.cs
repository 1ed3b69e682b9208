using Litespark.Devices.Cuda.Launching;
using Litespark.Devices.Cuda.Ops;
using static Litespark.Graphs.DataType;

namespace Litespark.Tests.Devices.Cuda.Ops;

/// <summary>The gradient of a weight over live blocks, or over all, against sums in double precision.</summary>
internal static class BlockSparseGradient
{
    const double Exact = 1e-5;

    /// <summary>Checks aᵀ · b (+ what is there): zeros, or what was there, in dead blocks.</summary>
    public static void Check(BlockSparseTrial trial, int tokens, int gap, int shift, bool accumulate, bool zeroDead, bool isDense, SparseKernel? kernel = null)
    {
        if (isDense) trial.Rewrite(0.4, denseGradients: true);
        float[] a = trial.Numbers(tokens * trial.Rows), b = trial.Numbers(tokens * trial.Columns), old = trial.Numbers(trial.Rows * trial.Columns);
        GemmMatrix dw = trial.Matrix(old, trial.Columns, Float32, gap, shift);
        using ICudaCall call = BlockSparseKernels.WeightGradient(trial.Binding, trial.Grid, tokens, trial.Matrix(a, trial.Rows, BFloat16, gap, shift), trial.Matrix(b, trial.Columns, BFloat16, gap, shift), dw, accumulate, zeroDead, kernel);
        trial.Run(call);
        double[] expected = Expected(trial, tokens, a, b, isDense, double.NaN);
        for (int i = 0; i < expected.Length; i++)
            expected[i] = double.IsNaN(expected[i]) ? zeroDead ? 0 : old[i] : expected[i] + (accumulate ? old[i] : 0);
        BlockSparseTrial.AssertClose("gradient", expected, trial.Read(dw, trial.Rows, trial.Columns), Exact);
    }

    /// <summary>aᵀ · b, and `dead` in dead blocks.</summary>
    public static double[] Expected(BlockSparseTrial trial, int tokens, float[] a, float[] b, bool isDense, double dead)
    {
        double[] gradient = new double[trial.Rows * trial.Columns];
        for (int row = 0; row < trial.Rows; row++)
            for (int column = 0; column < trial.Columns; column++)
            {
                double sum = 0;
                for (int t = 0; t < tokens; t++) sum += (double)a[t * trial.Rows + row] * b[t * trial.Columns + column];
                gradient[row * trial.Columns + column] = isDense || trial.IsLive(row, column) ? sum : dead;
            }

        return gradient;
    }
}
