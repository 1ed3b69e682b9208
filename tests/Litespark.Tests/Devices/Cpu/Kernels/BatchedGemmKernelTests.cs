using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Litespark.Devices.Cpu;
using Litespark.Devices.Cpu.Kernels;
using Litespark.Devices.Cpu.Simd;

namespace Litespark.Tests.Devices.Cpu.Kernels;

// The batches are those of attention: I sequences, J key/value heads, K query heads per key/value head; heads are column
// slices of [tokens, heads · head_dim] matrices, scores are dense [I, J, K, T, T].
public unsafe class BatchedGemmKernelTests
{
    const int I = 2, J = 3, K = 2;

    [Theory]
    [InlineData(5, 4)]
    [InlineData(37, 20)]
    [InlineData(130, 48)]
    [InlineData(330, 3)]
    public void Products_of_attention_agree_with_a_double_precision_loop(int t, int d)
    {
        using var pool = new WorkerPool(2);
        using var operands = new RandomOperands(t + d);
        MatrixBatch queries = Heads(operands, t, d, J * K, grouped: true), keys = Heads(operands, t, d, J, grouped: false);
        MatrixBatch probabilities = Scores(operands, t);

        // scores = q·kᵀ (the key shared by the query heads of its group), outputs = p·v
        Check(pool, operands, queries, false, keys, true, probabilities, 0.3f, accumulate: false, reduceK: false, I * J * K * t * t);
        Check(pool, operands, probabilities, false, keys, false, queries, 1, accumulate: true, reduceK: false, I * t * J * K * d);
        // gradients of values and keys: pᵀ·dy, summed over the group
        Check(pool, operands, probabilities, true, queries, false, keys, 0.3f, accumulate: false, reduceK: true, I * t * J * d);
        Check(pool, operands, probabilities, true, queries, false, keys, -1, accumulate: true, reduceK: true, I * t * J * d);
        // both transposed
        Check(pool, operands, Heads(operands, d, t, J * K, true), true, keys, true, probabilities, 1, accumulate: true, reduceK: false, I * J * K * t * t);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Every_bit_is_the_same_for_any_number_of_threads(bool reduceK)
    {
        const int T = 131, D = 20;
        using var operands = new RandomOperands(3);
        MatrixBatch queries = Heads(operands, T, D, J * K, true), keys = Heads(operands, T, D, J, false), probabilities = Scores(operands, T);
        byte[]? first = null;
        foreach (int threads in new[] { 1, 2, 3, 5 })
        {
            using var pool = new WorkerPool(threads);
            long length = reduceK ? I * T * J * D : I * J * K * T * T;
            MatrixBatch template = reduceK ? keys : probabilities;
            Matrix f = template.First;
            var c = new MatrixBatch(new Matrix(operands.Zeros(length), f.Rows, f.Columns, f.Stride), template.StrideI, template.StrideJ, template.StrideK);
            (reduceK
                ? new BatchedGemmKernel(pool, I, J, K, probabilities, true, queries, false, c, reduceK: true)
                : new BatchedGemmKernel(pool, I, J, K, queries, false, keys, true, c)).Run(pool);
            byte[] bits = new ReadOnlySpan<byte>(c.First.Data, (int)length * sizeof(float)).ToArray();
            first ??= bits;
            Assert.True(first.AsSpan().SequenceEqual(bits), $"{threads} threads");
        }
    }

    [Fact]
    public void Every_register_width_gives_the_product()
    {
        using var pool = new WorkerPool(2);
        using var operands = new RandomOperands(4);
        const int T = 27, D = 10;
        MatrixBatch queries = Heads(operands, T, D, J * K, true), keys = Heads(operands, T, D, J, false), scores = Scores(operands, T);
        CheckWidth<GemmTile6<Vector128<float>, Register128>>();
        CheckWidth<GemmTile12<Vector128<float>, Register128>>();
        CheckWidth<GemmTile6<Vector256<float>, Register256>>();
        CheckWidth<GemmTile12<Vector512<float>, Register512>>();

        void CheckWidth<TTile>() where TTile : struct, IGemmTile
        {
            float* start = operands.Copy(scores.First.Data, I * J * K * T * T);
            new BatchedGemm<TTile>(pool, new BatchedGemmProblem(I, J, K, queries, false, keys, true, scores, 1, false, false)).Run(pool);
            Compare(queries, false, keys, true, scores, start, 1, false, false, I * J * K * T * T);
            start = operands.Copy(keys.First.Data, I * T * J * D);
            new BatchedGemm<TTile>(pool, new BatchedGemmProblem(I, J, K, scores, true, queries, false, keys, 1, true, true)).Run(pool);
            Compare(scores, true, queries, false, keys, start, 1, true, true, I * T * J * D);
        }
    }

    [Fact]
    public void Running_allocates_nothing()
    {
        using var pool = new WorkerPool(2);
        using var operands = new RandomOperands(5);
        MatrixBatch q = Heads(operands, 40, 16, J * K, true), k = Heads(operands, 40, 16, J, false), s = Scores(operands, 40);
        Assert.Equal(0, Allocations.OfRuns(pool, new BatchedGemmKernel(pool, I, J, K, q, false, k, true, s),
            new BatchedGemmKernel(pool, I, J, K, s, true, q, false, k, reduceK: true)));
    }

    static MatrixBatch Heads(RandomOperands operands, int t, int d, int heads, bool grouped)
    {
        var first = new Matrix(operands.Floats((long)I * t * heads * d), t, d, heads * d);
        return grouped ? new MatrixBatch(first, (long)t * heads * d, K * d, d) : new MatrixBatch(first, (long)t * heads * d, d, 0);
    }

    static MatrixBatch Scores(RandomOperands operands, int t)
        => new(new Matrix(operands.Floats((long)I * J * K * t * t), t, t), (long)J * K * t * t, (long)K * t * t, (long)t * t);

    static void Check(WorkerPool pool, RandomOperands operands, MatrixBatch a, bool transposeA, MatrixBatch b, bool transposeB, MatrixBatch c,
        float alpha, bool accumulate, bool reduceK, int lengthC)
    {
        float* start = operands.Copy(c.First.Data, lengthC);
        new BatchedGemmKernel(pool, I, J, K, a, transposeA, b, transposeB, c, alpha, accumulate, reduceK).Run(pool);
        Compare(a, transposeA, b, transposeB, c, start, alpha, accumulate, reduceK, lengthC);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void Compare(MatrixBatch a, bool transposeA, MatrixBatch b, bool transposeB, MatrixBatch c, float* start, float alpha, bool accumulate,
        bool reduceK, int lengthC)
    {
        // The error of a sum is bounded by the sum of the terms' magnitudes.
        double[] expected = new double[lengthC], magnitude = new double[lengthC];
        for (int x = 0; x < lengthC && accumulate; x++) magnitude[x] = Math.Abs(expected[x] = start[x]);
        int depth = transposeA ? a.First.Rows : a.First.Columns;
        for (int p = 0; p < I * J * K; p++)
        {
            int i = p / (J * K), j = p / K % J, k = p % K;
            float* ma = At(a, i, j, k), mb = At(b, i, j, k);
            long offset = At(c, i, j, reduceK ? 0 : k) - c.First.Data;
            for (int row = 0; row < c.First.Rows; row++)
            {
                for (int column = 0; column < c.First.Columns; column++)
                {
                    double sum = 0, terms = 0;
                    for (int x = 0; x < depth; x++)
                    {
                        double term = (double)(transposeA ? ma[x * a.First.Stride + row] : ma[row * a.First.Stride + x])
                            * (transposeB ? mb[column * b.First.Stride + x] : mb[x * b.First.Stride + column]);
                        sum += term;
                        terms += Math.Abs(term);
                    }
                    expected[offset + (long)row * c.First.Stride + column] += alpha * sum;
                    magnitude[offset + (long)row * c.First.Stride + column] += Math.Abs(alpha) * terms;
                }
            }
        }
        for (int x = 0; x < lengthC; x++)
        {
            if (!(Math.Abs(expected[x] - c.First.Data[x]) <= 1e-6 * (1 + magnitude[x])))
                Assert.Fail($"Element {x} is {c.First.Data[x]}, expected {expected[x]}");
        }
    }

    static float* At(MatrixBatch m, int i, int j, int k) => m.First.Data + i * m.StrideI + j * m.StrideJ + k * m.StrideK;
}
