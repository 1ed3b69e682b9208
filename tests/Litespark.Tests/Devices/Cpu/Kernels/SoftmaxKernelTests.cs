using Litespark.Devices.Cpu;
using Litespark.Devices.Cpu.Kernels;
using Litespark.Devices.Cpu.Simd;

namespace Litespark.Tests.Devices.Cpu.Kernels;

/// <summary>Scale, mask and softmax of materialised attention, and the softmax's gradient.</summary>
public unsafe class SoftmaxKernelTests
{
    static void Check(int width, int sequences, int tokens, int heads, int window, bool documents, bool inPlace, int threads)
    {
        using var x = new AttentionCase(tokens, sequences, tokens, heads, heads, headDim: 1, window, documents);
        using var pool = new WorkerPool(threads);
        int rows = sequences * heads * tokens;
        long size = (long)rows * tokens;
        Matrix p = Output(), dS = Output();
        float* s = inPlace ? p.Data : x.Floats(size), dP = inPlace ? dS.Data : x.Floats(size);
        var random = new Random(tokens);
        for (long i = 0; i < size; i++) (s[i], dP[i]) = (random.NextSingle() * 20 - 10, random.NextSingle() * 2 - 1);
        float[] scores = new ReadOnlySpan<float>(s, (int)size).ToArray(), gradients = new ReadOnlySpan<float>(dP, (int)size).ToArray();

        // What is masked may hold anything.
        for (int row = 0; row < rows; row++)
            for (int key = 0; key < tokens; key++)
                if (!Sees(x.Shape, row, key)) s[(long)row * tokens + key] = float.NaN;
        Run(pool, width, x.Shape, new Matrix(s, rows, tokens), p, new Matrix(dP, rows, tokens), dS);

        for (int row = 0; row < rows; row++)
        {
            double max = double.NegativeInfinity, sum = 0, mean = 0;
            float* pRow = p.Data + (long)row * tokens, dSRow = dS.Data + (long)row * tokens;
            int offset = row * tokens;
            for (int key = 0; key < tokens; key++)
                if (Sees(x.Shape, row, key)) max = Math.Max(max, (double)scores[offset + key] * x.Shape.Scale);
            for (int key = 0; key < tokens; key++)
                if (Sees(x.Shape, row, key)) sum += Math.Exp((double)scores[offset + key] * x.Shape.Scale - max);
            double P(int key) => Math.Exp((double)scores[offset + key] * x.Shape.Scale - max) / sum;
            for (int key = 0; key < tokens; key++)
                if (Sees(x.Shape, row, key)) mean += P(key) * gradients[offset + key];
            for (int key = 0; key < tokens; key++)
            {
                if (Sees(x.Shape, row, key))
                {
                    Assert.InRange(pRow[key] - P(key), -1e-5 * P(key) - 1e-12, 1e-5 * P(key) + 1e-12);
                    double expected = x.Shape.Scale * P(key) * (gradients[offset + key] - mean);
                    Assert.InRange(dSRow[key] - expected, -1e-5 * P(key) - 1e-12, 1e-5 * P(key) + 1e-12);
                }
                else
                {
                    Assert.Equal(0f, pRow[key]);
                    Assert.Equal(0f, dSRow[key]);
                }
            }
        }
        x.CheckGuards();

        // Contiguous, with guard values before and behind.
        Matrix Output()
        {
            Matrix inner = x.Guarded(1, (int)size);
            return new Matrix(inner.Data, rows, tokens);
        }
    }

    /// <summary>scores → p and dP → dS; <paramref name="dS"/> may be dP.</summary>
    static void Run(WorkerPool pool, int width, AttentionShape shape, Matrix scores, Matrix p, Matrix dP, Matrix dS)
    {
        foreach (CpuKernel kernel in Kernels(pool, width, shape, scores, p, dP, dS)) kernel.Run(pool);
    }

    static CpuKernel[] Kernels(WorkerPool pool, int width, AttentionShape shape, Matrix scores, Matrix p, Matrix dP, Matrix dS) =>
    [
        new ScaleKernel(pool, scores, shape.Scale, scores) { Width = width },
        new CausalMaskKernel(pool, shape, scores.Data, p.Data) { Width = width },
        new SoftmaxKernel(pool, p, p) { Width = width },
        new SoftmaxGradientKernel(pool, p, dP, dS) { Width = width },
        new ScaleKernel(pool, dS, shape.Scale, dS) { Width = width },
    ];

    static bool Sees(AttentionShape shape, int row, int key)
    {
        int t = row % shape.Tokens, sequence = row / shape.Tokens / shape.Heads;
        int start = shape.DocumentStarts is null ? 0 : shape.DocumentStarts[sequence * shape.Tokens + t];
        return key <= t && key >= start && (shape.Window == 0 || t - key < shape.Window);
    }

    [Theory]
    [InlineData(1, 1, 1, 0, false)]
    [InlineData(2, 3, 1, 0, true)]
    [InlineData(2, 13, 3, 4, true)]
    [InlineData(1, 64, 2, 0, false)]
    [InlineData(1, 101, 2, 0, true)]
    public void Probabilities_and_gradient_equal_double_precision(int sequences, int tokens, int heads, int window, bool documents)
    {
        foreach (bool inPlace in new[] { false, true })
        {
            Check(4, sequences, tokens, heads, window, documents, inPlace, threads: 1);
            Check(8, sequences, tokens, heads, window, documents, inPlace, threads: 2);
            Check(16, sequences, tokens, heads, window, documents, inPlace, threads: 3);
        }
    }

    [Fact]
    public void Materialised_and_fused_attention_agree()
    {
        using var x = new AttentionCase(1, sequences: 2, tokens: 61, heads: 2, keyValueHeads: 1, headDim: 12, window: 40, documents: true);
        using var pool = new WorkerPool(2);
        int tokens = x.Shape.Tokens;
        AttentionKernels.Forward(x.Shape, x.Q, x.K, x.V, x.O, x.LogSumExp, pool).Run(pool);
        AttentionKernels.Gradient(x.Shape, x.Q, x.K, x.V, x.O, x.DO, x.LogSumExp, x.DQ, x.DK, x.DV, pool).Run(pool);

        long size = (long)x.Shape.Rows * x.Shape.Heads * tokens;
        float* p = x.Zeros(size), dP = x.Zeros(size);
        Products(x, x.Q, x.K, p);
        Products(x, x.DO, x.V, dP);
        var scores = new Matrix(p, x.Shape.Rows * x.Shape.Heads, tokens);
        var gradients = new Matrix(dP, scores.Rows, tokens);
        Run(pool, SimdWidth.Count, x.Shape, scores, scores, gradients, gradients);

        AttentionCase.Close(WeightedRows(x, p, x.V), x.O, 2e-6, "o");
        AttentionCase.Close(WeightedRows(x, dP, x.K), x.DQ, 1e-5, "dQ");
    }

    /// <summary>[B, H, T, T]: a of every query times b of every key.</summary>
    static void Products(AttentionCase x, Matrix a, Matrix b, float* result)
    {
        AttentionShape s = x.Shape;
        for (int row = 0; row < s.Rows * s.Heads; row++)
        {
            int t = row % s.Tokens, h = row / s.Tokens % s.Heads, start = row / s.Tokens / s.Heads * s.Tokens;
            for (int key = 0; key < s.Tokens; key++)
            {
                double sum = 0;
                for (int d = 0; d < s.HeadDim; d++)
                    sum += (double)a.Row(start + t)[h * s.HeadDim + d] * b.Row(start + key)[h / s.Group * s.HeadDim + d];
                result[(long)row * s.Tokens + key] = (float)sum;
            }
        }
    }

    /// <summary>[N, H·head_dim]: rows of b weighted by w [B, H, T, T].</summary>
    static double[,] WeightedRows(AttentionCase x, float* w, Matrix b)
    {
        AttentionShape s = x.Shape;
        double[,] result = new double[s.Rows, s.Heads * s.HeadDim];
        for (int row = 0; row < s.Rows * s.Heads; row++)
        {
            int t = row % s.Tokens, h = row / s.Tokens % s.Heads, start = row / s.Tokens / s.Heads * s.Tokens;
            for (int key = 0; key < s.Tokens; key++)
                for (int d = 0; d < s.HeadDim; d++)
                    result[start + t, h * s.HeadDim + d] +=
                        (double)w[(long)row * s.Tokens + key] * b.Row(start + key)[h / s.Group * s.HeadDim + d];
        }
        return result;
    }

    [Fact]
    public void Bits_do_not_depend_on_the_number_of_threads()
    {
        float[]? first = null;
        for (int threads = 1; threads <= 3; threads++)
        {
            using var x = new AttentionCase(2, sequences: 2, tokens: 77, heads: 3, keyValueHeads: 3, headDim: 1, documents: true);
            using var pool = new WorkerPool(threads);
            int size = x.Shape.Rows * 3 * 77;
            float* p = x.Floats(size), dP = x.Floats(size);
            var scores = new Matrix(p, size / 77, 77);
            Run(pool, SimdWidth.Count, x.Shape, scores, scores, new Matrix(dP, size / 77, 77), new Matrix(dP, size / 77, 77));
            float[] bits = [.. new ReadOnlySpan<float>(p, size), .. new ReadOnlySpan<float>(dP, size)];
            first ??= bits;
            Assert.Equal(first, bits);
        }
    }

    [Fact]
    public void Running_allocates_nothing()
    {
        using var x = new AttentionCase(2, sequences: 2, tokens: 33, heads: 3, keyValueHeads: 3, headDim: 1);
        using var pool = new WorkerPool(2);
        long size = (long)x.Shape.Rows * 3 * 33;
        float* p = x.Floats(size), dP = x.Floats(size);
        Assert.Equal(0, Allocations.OfRuns(pool, Kernels(pool, SimdWidth.Count, x.Shape, new Matrix(p, (int)size / 33, 33), new Matrix(p, (int)size / 33, 33),
            new Matrix(dP, (int)size / 33, 33), new Matrix(dP, (int)size / 33, 33))));
    }
}
