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
        start = operands.Matrix(m, n, Gap);
        Bias = operands.Floats(n);
    }

    public Matrix A { get; }
    public Matrix B { get; }
    public bool TransposeA { get; }
    public bool TransposeB { get; }
    public float* Bias { get; }

    /// <summary>A copy of the random C that every run starts from.</summary>
    public Matrix FreshC() => new(operands.Copy(start.Data, (long)start.Rows * start.Stride), start.Rows, start.Columns, start.Stride);

    /// <summary>Runs a product into a fresh C and compares every element, the gaps between rows included.</summary>
    public void Check(Action<Matrix> run, float* bias, bool accumulate, double alpha)
    {
        Matrix c = FreshC();
        run(c);
        for (int i = 0; i < c.Rows; i++)
        {
            for (int j = 0; j < c.Stride; j++)
            {
                float before = start.Row(i)[j], actual = c.Row(i)[j];
                if (j >= c.Columns) Assert.Equal(before, actual);
                else
                {
                    double expected = alpha * Product(i, j) + (bias == null ? 0 : bias[j]) + (accumulate ? before : 0);
                    // Not Assert.Equal for every element: it is slow and boxes.
                    if (!(Math.Abs(expected - actual) <= 1e-5 + 4e-7 * k)) Assert.Fail($"C[{i}, {j}] is {actual}, expected {expected}");
                }
            }
        }
    }

    double Product(int i, int j)
    {
        float* a = TransposeA ? A.Data + i : A.Row(i), b = TransposeB ? B.Row(j) : B.Data + j;
        int stepA = TransposeA ? A.Stride : 1, stepB = TransposeB ? 1 : B.Stride;
        double sum = 0;
        for (int x = 0; x < k; x++) sum += (double)a[(nint)x * stepA] * b[(nint)x * stepB];
        return sum;
    }
}
