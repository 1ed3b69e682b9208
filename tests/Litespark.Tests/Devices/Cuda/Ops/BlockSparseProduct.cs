using Litespark.Devices.Cuda.Launching;
using Litespark.Devices.Cuda.Ops;
using static Litespark.Graphs.DataType;

namespace Litespark.Tests.Devices.Cuda.Ops;

/// <summary>A product over live blocks against sums in double precision, in bf16 and fp32.</summary>
internal static class BlockSparseProduct
{
    const double Exact = 1e-5, Rounded = 1.0 / 256;

    /// <summary>Checks x · Wᵀ (transpose) or x · W.</summary>
    public static void Check(BlockSparseTrial trial, int tokens, bool transpose, int gap, int shift, bool accumulate, bool hasBias, bool isPoisoned = false, SparseKernel? kernel = null, int? resultGap = null)
    {
        (int k, int n) = transpose ? (trial.Columns, trial.Rows) : (trial.Rows, trial.Columns);
        const float Alpha = 0.5f;
        float[] x = trial.Numbers(tokens * k), w = trial.Weight(), bias = trial.Numbers(n), old = trial.Numbers(tokens * n);
        double[] expected = new double[tokens * n];
        for (int t = 0; t < tokens; t++)
            for (int o = 0; o < n; o++)
            {
                double sum = 0;
                for (int i = 0; i < k; i++) sum += (double)x[t * k + i] * (transpose ? w[o * k + i] : w[i * n + o]);
                expected[t * n + o] = Alpha * sum + (hasBias ? bias[o] : 0) + (accumulate ? old[t * n + o] : 0);
            }

        // Dead blocks are not even read.
        float[] stored = isPoisoned ? [.. w.Select((value, i) => trial.IsLive(i / trial.Columns, i % trial.Columns) ? value : float.NaN)] : w;
        foreach (var type in new[] { BFloat16, Float32 })
        {
            GemmMatrix y = trial.Matrix(old, n, type, resultGap ?? gap, shift);
            using ICudaCall call = BlockSparseKernels.Product(trial.Binding, trial.Grid, tokens, trial.Matrix(x, k, BFloat16, gap, shift), trial.Matrix(stored, trial.Columns, BFloat16, gap, shift), transpose, y,
                hasBias ? trial.Matrix(bias, n, Float32) : default, Alpha, accumulate, kernel);
            trial.Run(call);
            BlockSparseTrial.AssertClose($"{type}", expected, trial.Read(y, tokens, n), type == BFloat16 ? Rounded + Exact : Exact);
        }
    }
}
