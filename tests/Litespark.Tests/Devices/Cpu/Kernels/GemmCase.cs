using System.Runtime.CompilerServices;
using Litespark.Devices.Cpu;

namespace Litespark.Tests.Devices.Cpu.Kernels;

/// <summary>Random operands of one product, with gaps between rows, and its double-precision reference.</summary>
internal sealed unsafe class GemmCase
{
    const int Gap = 5;
    readonly RandomOperands operands;
    readonly Matrix start;
    readonly int k;

    public GemmCase(RandomOperands operands, int m, int n, int k, bool transposeA, bool transposeB)
    {
        this.operands = operands;
        this.k = k;
        TransposeA = transposeA;
        TransposeB = transposeB;
        A = transposeA ? operands.Matrix(k, m, 3) : operands.Matrix(m, k, 1);
        B = transposeB ? operands.Matrix(n, k, 2) : operands.Matrix(k, n, 4);
        // A row before and one behind C are guards, as are the gaps between its rows.
        Matrix guarded = operands.Matrix(m + 2, n, Gap);
        start = new Matrix(guarded.Row(1), m, n, guarded.Stride);
        Bias = operands.Floats(n);
    }

    public Matrix A { get; }
    public Matrix B { get; }
    public bool TransposeA { get; }
    public bool TransposeB { get; }
    public float* Bias { get; }

    /// <summary>A copy of the random C that every run starts from.</summary>
    public Matrix FreshC()
        => new(operands.Copy(start.Row(-1), (start.Rows + 2L) * start.Stride) + start.Stride, start.Rows, start.Columns, start.Stride);

    /// <summary>
    /// Runs a product into a fresh C and compares every element (of a large product: those of every seventh row, a step that
    /// meets every row of a tile) and every guard.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Check(Action<Matrix> run, float* bias, bool accumulate, double alpha)
    {
        Matrix c = FreshC();
        run(c);
        int step = (long)c.Rows * c.Columns * k > 4_000_000 ? 7 : 1;
        for (int i = -1; i <= c.Rows; i++)
        {
            bool inside = i >= 0 && i < c.Rows;
            for (int j = 0; j < c.Stride; j++)
            {
                float before = start.Row(i)[j], actual = c.Row(i)[j];
                if (!inside || j >= c.Columns)
                {
                    if (before != actual) Assert.Fail($"The guard at [{i}, {j}] was overwritten");
                }
                else if (i % step == 0)
                {
                    double expected = alpha * Product(i, j) + (bias == null ? 0 : bias[j]) + (accumulate ? before : 0);
                    if (!(Math.Abs(expected - actual) <= 1e-5 + 4e-7 * k)) Assert.Fail($"C[{i}, {j}] is {actual}, expected {expected}");
                }
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    double Product(int i, int j)
    {
        float* a = TransposeA ? A.Data + i : A.Row(i), b = TransposeB ? B.Row(j) : B.Data + j;
        int stepA = TransposeA ? A.Stride : 1, stepB = TransposeB ? 1 : B.Stride;
        double sum = 0;
        for (int x = 0; x < k; x++) sum += (double)a[(nint)x * stepA] * b[(nint)x * stepB];
        return sum;
    }
}
