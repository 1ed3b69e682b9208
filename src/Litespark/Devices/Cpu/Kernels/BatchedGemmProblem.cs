namespace Litespark.Devices.Cpu.Kernels;

/// <summary>The operands of a batch of equally shaped products; a group is what shares the levels i and j.</summary>
internal readonly unsafe struct BatchedGemmProblem
{
    public readonly int CountI, CountJ, CountK;
    public readonly MatrixBatch A, B, C;
    public readonly bool TransposeA, TransposeB, Accumulate, ReduceK;
    public readonly float Alpha;

    /// <exception cref="ArgumentException">The shapes or counts don't fit together.</exception>
    public BatchedGemmProblem(int countI, int countJ, int countK, MatrixBatch a, bool transposeA, MatrixBatch b, bool transposeB, MatrixBatch c,
        float alpha, bool accumulate, bool reduceK)
    {
        if (countI < 1 || countJ < 1 || countK < 1) throw new ArgumentException("Every level of a batch must count at least 1.");
        // The shapes of one product stand for all.
        _ = new GemmProblem(a.First, transposeA, b.First, transposeB, c.First, null, accumulate, alpha);
        (CountI, CountJ, CountK) = (countI, countJ, countK);
        (A, B, C) = (a, b, c);
        (TransposeA, TransposeB, Accumulate, ReduceK, Alpha) = (transposeA, transposeB, accumulate, reduceK, alpha);
    }

    public int M => C.First.Rows;
    public int N => C.First.Columns;
    public int K => TransposeA ? A.First.Rows : A.First.Columns;
    public int Groups => CountI * CountJ;

    public Matrix MatrixA(int group, int level) => At(A, group, level);
    public Matrix MatrixC(int group, int level) => At(C, group, level);

    /// <summary>op(B) as packing sees it, scaled by alpha.</summary>
    public PackSource SourceB(int group, int level) => new(At(B, group, level), !TransposeB, Alpha);

    Matrix At(in MatrixBatch batch, int group, int level)
    {
        Matrix m = batch.First;
        return new Matrix(m.Data + group / CountJ * batch.StrideI + group % CountJ * batch.StrideJ + level * batch.StrideK, m.Rows, m.Columns, m.Stride);
    }
}
