using Litespark.Devices.Cpu;
using Litespark.Devices.Cpu.Kernels;
using Litespark.Graphs;

namespace Litespark.Tests.Devices.Cpu.Kernels;

/// <summary>
/// Operands of one attention call: q, k, v as column slices of one fused matrix, outputs between guard values that no kernel may touch.
/// </summary>
internal sealed unsafe class AttentionCase : IDisposable
{
    const float Guard = -777.25f;
    const int Gap = 3;

    readonly RandomOperands operands;
    readonly List<(Matrix Inner, int OuterColumns)> guarded = [];

    public readonly AttentionShape Shape;
    public readonly Matrix Q, K, V, O, DO, DQ, DK, DV;
    public readonly float* LogSumExp;

    /// <summary>Share that the forward pass computed.</summary>
    public readonly float* Live;

    public AttentionCase(int seed, int sequences, int tokens, int heads, int keyValueHeads, int headDim, int window = 0,
        bool documents = false, bool pattern = false)
    {
        operands = new RandomOperands(seed);
        int* starts = null;
        if (documents)
        {
            var random = new Random(seed);
            starts = (int*)operands.Zeros((long)sequences * tokens);
            for (int b = 0; b < sequences; b++)
                for (int t = 1; t < tokens; t++)
                    starts[b * tokens + t] = random.Next(Math.Max(2, tokens / 4)) == 0 ? t : starts[b * tokens + t - 1];
        }
        // A factor above 1/√head_dim: with operands in [-1, 1) the softmax would otherwise be almost flat.
        Shape = new AttentionShape(sequences, tokens, heads, keyValueHeads, headDim, 3 / MathF.Sqrt(headDim), window, starts, pattern ? (int*)operands.Zeros(AttentionPatternBuffer.Length(heads)) : null);
        int rows = Shape.Rows, queryColumns = heads * headDim, keyColumns = keyValueHeads * headDim;
        Matrix fused = operands.Matrix(rows, queryColumns + 2 * keyColumns, Gap);
        Q = new Matrix(fused.Data, rows, queryColumns, fused.Stride);
        K = new Matrix(fused.Data + queryColumns, rows, keyColumns, fused.Stride);
        V = new Matrix(fused.Data + queryColumns + keyColumns, rows, keyColumns, fused.Stride);
        DO = operands.Matrix(rows, queryColumns, Gap);
        O = Guarded(rows, queryColumns);
        DQ = Guarded(rows, queryColumns);
        DK = Guarded(rows, keyColumns);
        DV = Guarded(rows, keyColumns);
        Live = operands.Zeros(1);
        LogSumExp = operands.Zeros((long)sequences * heads * tokens);
    }

    /// <summary>Gives the heads these patterns, in turn.</summary>
    public void SetPattern(float threshold, params AttentionPattern[] patterns)
        => AttentionPatternBuffer.Write([.. Enumerable.Range(0, Shape.Heads).Select(head => patterns[head % patterns.Length])], threshold, new Span<int>(Shape.Pattern, AttentionPatternBuffer.Length(Shape.Heads)));

    /// <summary>A matrix within a larger one that is filled with guard values.</summary>
    public Matrix Guarded(int rows, int columns)
    {
        int outer = columns + 2 * Gap;
        float* data = operands.Zeros((long)(rows + 2) * outer);
        new Span<float>(data, (rows + 2) * outer).Fill(Guard);
        var inner = new Matrix(data + outer + Gap, rows, columns, outer);
        guarded.Add((inner, outer));
        return inner;
    }

    public float* Floats(long count) => operands.Floats(count);

    public float* Zeros(long count) => operands.Zeros(count);

    public Matrix Random(int rows, int columns) => operands.Matrix(rows, columns, Gap);

    /// <summary>Fails if a value around an output changed, or one inside was never written.</summary>
    public void CheckGuards()
    {
        foreach ((Matrix inner, int outer) in guarded)
        {
            for (int r = -1; r <= inner.Rows; r++)
                for (int c = -Gap; c < inner.Columns + Gap; c++)
                {
                    bool inside = r >= 0 && r < inner.Rows && c >= 0 && c < inner.Columns;
                    if (!inside) Assert.Equal(Guard, inner.Row(r)[c]);
                }
        }
    }

    public void Dispose() => operands.Dispose();

    public static void Close(double[,] expected, Matrix actual, double tolerance, string name)
    {
        Assert.Equal(expected.GetLength(0), actual.Rows);
        Assert.Equal(expected.GetLength(1), actual.Columns);
        for (int r = 0; r < actual.Rows; r++)
            for (int c = 0; c < actual.Columns; c++)
            {
                double error = Math.Abs(expected[r, c] - actual.Row(r)[c]);
                if (!(error <= tolerance * (1 + Math.Abs(expected[r, c]))))
                    Assert.Fail($"{name}[{r}, {c}] is {actual.Row(r)[c]}, not {expected[r, c]}.");
            }
    }

    /// <summary>The bits of a matrix, row after row.</summary>
    public static float[] Bits(Matrix m)
    {
        float[] bits = new float[m.Rows * m.Columns];
        for (int r = 0; r < m.Rows; r++) new ReadOnlySpan<float>(m.Row(r), m.Columns).CopyTo(bits.AsSpan(r * m.Columns));
        return bits;
    }
}
