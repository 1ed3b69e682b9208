namespace Litespark.Devices.Cpu.Kernels;

/// <summary>
/// One matrix product: C[M, N] = alpha · op(A)[M, K] · op(B)[K, N] (+ bias[N] on every row) (+ C), where op transposes or not.
/// </summary>
internal readonly unsafe struct GemmProblem
{
    public readonly Matrix A;
    public readonly Matrix B;
    public readonly Matrix C;
    public readonly bool TransposeA;
    public readonly bool TransposeB;
    public readonly bool Accumulate;
    public readonly float Alpha;

    /// <summary>N floats or null.</summary>
    public readonly float* Bias;

    /// <exception cref="ArgumentException">The shapes don't fit together.</exception>
    public GemmProblem(Matrix a, bool transposeA, Matrix b, bool transposeB, Matrix c, float* bias, bool accumulate, float alpha)
    {
        A = a;
        B = b;
        C = c;
        TransposeA = transposeA;
        TransposeB = transposeB;
        Bias = bias;
        Accumulate = accumulate;
        Alpha = alpha;
        int k = transposeB ? b.Columns : b.Rows, n = transposeB ? b.Rows : b.Columns;
        if (M != (transposeA ? a.Columns : a.Rows) || N != n || K != k)
        {
            throw new ArgumentException($"A is {Shape(a)}{(transposeA ? "ᵀ" : "")}, B is {Shape(b)}{(transposeB ? "ᵀ" : "")}, C is {Shape(c)}: "
                + "C must be [M, N], op(A) [M, K], op(B) [K, N].");
        }
        if (M < 1 || N < 1 || K < 1) throw new ArgumentException("Every dimension of a matrix product must be at least 1.");
        if (a.Stride < a.Columns || b.Stride < b.Columns || c.Stride < c.Columns) throw new ArgumentException("A stride must be at least the number of columns.");
    }

    public int M => C.Rows;
    public int N => C.Columns;
    public int K => TransposeA ? A.Rows : A.Columns;

    /// <summary>op(A) as packing sees it: the lines are its rows.</summary>
    public PackSource SourceA => new(A, TransposeA, Alpha);

    /// <summary>op(B) as packing sees it: the lines are its columns.</summary>
    public PackSource SourceB => new(B, !TransposeB, 1);

    static string Shape(Matrix m) => $"[{m.Rows}, {m.Columns}]";
}
