using Litespark.Devices.Cpu;
using Litespark.Devices.Cpu.Kernels;
using Litespark.Devices.Cpu.Simd;
using Litespark.Graphs;

namespace Litespark.Tests.Devices.Cpu.Kernels;

/// <summary>Large results go past the caches: the same bits as those that stay in them, which rows that begin anywhere in a line do.</summary>
public sealed unsafe class StreamedResultTests : IDisposable
{
    const int Rows = 70, Columns = 256;

    readonly KernelTrial trial = new();
    readonly WorkerPool pool = new(2);

    [Fact]
    public void They_pay_for_whole_lines_of_a_large_result_that_is_no_operand()
    {
        const int Large = 4102, Wide = 1024;
        Matrix x = Somewhere(1 << 20, Large, Wide), y = Somewhere(1 << 28, Large, Wide);
        Assert.Equal(StreamingStores.Exist, StreamingStores.Pay(y, x));
        Assert.Equal(StreamingStores.Exist, StreamingStores.PayBesideWork(Somewhere(1 << 20, 1030, 256)));
        Assert.False(StreamingStores.Pay(Somewhere(1 << 20, 1030, 256), x));
        Assert.False(StreamingStores.PayBesideWork(Somewhere(1 << 20, 1020, 256)));
        Assert.False(StreamingStores.Pay(y, x, y));
        Assert.False(StreamingStores.Pay(new Matrix(y.Data, Large, Wide, Wide + 3), x));
        Assert.False(StreamingStores.Pay(Somewhere(1 << 28, Large, Wide + 4), x));
        Assert.False(StreamingStores.Pay(Somewhere(1 << 28, Large - 7, Wide), x));
        Assert.False(StreamingStores.Pay(new Matrix(y.Data + 4, Large, Wide), x));
    }

    [Theory]
    [InlineData(10)]
    [InlineData(20)]
    [InlineData(40)]
    [InlineData(80)]
    [InlineData(320)]
    public void Heads_that_begin_within_a_line_stay_in_the_caches(int size)
    {
        const int Large = 13_120;
        float* weight = trial.Random(1, 320).Data, inverse = trial.Positive(Rows, 32).Data;
        using var norm = new RmsNormKernel(pool, Somewhere(1 << 20, Large, 320), default, weight, default, Somewhere(1 << 28, Large, 320), null, 1e-5f, size);
        using var gradient = new RmsNormGradientKernel(pool, Somewhere(1 << 20, Large, 320), Somewhere(1 << 26, Large, 320), weight, inverse, default, Somewhere(1 << 28, Large, 320), null, false, size);
        using var rope = Rope(size, size);
        foreach (ResultKernel kernel in new ResultKernel[] { norm, gradient }) Assert.Equal(StreamingStores.Exist && size % 16 == 0, kernel.Streams);
        Assert.Equal(StreamingStores.Exist && size % 32 == 0, rope.Streams);
        using var partly = Rope(size, size / 2);
        Assert.False(partly.Streams);

        RopeKernel Rope(int headDim, int rotaryDim)
            => new(pool, Somewhere(1 << 20, Large, 320), null, null, null, Somewhere(1 << 28, Large, 320), headDim, rotaryDim, inverse: false);
    }

    [Fact]
    public void Norms()
    {
        Matrix x = trial.Random(Rows, Columns).Matrix, residual = trial.Random(Rows, Columns).Matrix, sum = trial.Zeros(Rows, Columns).Matrix;
        float* weight = trial.Random(1, Columns).Data, bias = trial.Random(1, Columns).Data;
        Check(y => new RmsNormKernel(pool, x, residual, weight, sum, y, null, 1e-5f, Columns));
        Check(y => new RmsNormKernel(pool, x, default, weight, default, y, null, 1e-5f, 64));
        Check(y => new LayerNormKernel(pool, x, residual, weight, bias, sum, y, null, null, 1e-5f));
        Check(y => new LayerNormKernel(pool, x, default, weight, null, default, y, null, null, 1e-5f));
    }

    [Fact]
    public void Gradients_of_norms()
    {
        Matrix dy = trial.Random(Rows, Columns).Matrix, x = trial.Random(Rows, Columns).Matrix, addend = trial.Random(Rows, Columns).Matrix;
        float* weight = trial.Random(1, Columns).Data, mean = trial.Random(1, Rows).Data, inverse = trial.Positive(Rows, 4).Data, dWeight = trial.Zeros(1, Columns).Data, dBias = trial.Zeros(1, Columns).Data;
        foreach (Matrix added in new[] { default, addend })
        {
            Check(dx => new RmsNormGradientKernel(pool, dy, x, weight, inverse, added, dx, dWeight, false, Columns));
            Check(dx => new RmsNormGradientKernel(pool, dy, x, weight, inverse, added, dx, null, false, 64));
            Check(dx => new LayerNormGradientKernel(pool, dy, x, weight, mean, inverse, added, dx, dWeight, dBias, false));
        }
    }

    [Fact]
    public void Rope_and_embeddings()
    {
        Matrix x = trial.Random(Rows, Columns).Matrix, cos = trial.Random(Rows, 32).Matrix, sin = trial.Random(Rows, 32).Matrix;
        int[] places = [.. Enumerable.Range(0, Rows).Select(n => n * 37 % Rows)];
        fixed (int* positions = places)
        {
            nint pinned = (nint)positions;
            foreach (bool inverse in new[] { false, true }) Check(y => new RopeKernel(pool, x, (int*)pinned, cos.Data, sin.Data, y, 64, 64, inverse));
            Check(y => new EmbeddingKernel(pool, (int*)pinned, x, y, accumulate: false));
        }
    }

    [Theory]
    [InlineData(ActivationKind.Silu)]
    [InlineData(ActivationKind.Gelu)]
    [InlineData(ActivationKind.GeluTanh)]
    [InlineData(ActivationKind.Relu)]
    public void Activations(ActivationKind kind)
    {
        Matrix x = trial.Random(Rows, Columns, scale: 4).Matrix, up = trial.Random(Rows, Columns).Matrix, dy = trial.Random(Rows, Columns).Matrix;
        Check(y => new ActivationKernel(pool, kind, x, y));
        Check(dx => new ActivationGradientKernel(pool, kind, dy, x, dx));
        Check(h => new GatedActivationKernel(pool, kind, x, up, h));
        Matrix streamed = trial.Zeros(Rows, Columns).Matrix, cached = trial.Zeros(Rows, Columns, 3).Matrix;
        Check(dGate => new GatedActivationGradientKernel(pool, kind, dy, x, up, dGate, dGate.Stride == Columns ? streamed : cached));
        Check(dUp => new GatedActivationGradientKernel(pool, kind, dy, x, up, dUp.Stride == Columns ? streamed : cached, dUp));
    }

    public void Dispose()
    {
        pool.Dispose();
        trial.Dispose();
    }

    // No memory: nothing is read or written there.
    static Matrix Somewhere(nint address, int rows, int columns) => new((float*)address, rows, columns);

    void Check(Func<Matrix, ResultKernel> build)
    {
        Operand streamed = trial.Zeros(Rows, Columns), cached = trial.Zeros(Rows, Columns, 3);
        foreach (int width in new[] { 4, 8, 16 })
        {
            foreach (Operand result in new[] { streamed, cached })
            {
                result.Restore();
                using ResultKernel kernel = build(result.Matrix);
                Assert.False(kernel.Streams);
                kernel.Streams = StreamingStores.Exist && StreamingStores.Fit(result.Matrix.Data, result.Matrix.Stride, Columns);
                Assert.Equal(StreamingStores.Exist && result == streamed, kernel.Streams);
                kernel.Width = width;
                kernel.Run(pool);
                result.AssertGuards();
            }

            Assert.Equal(cached.Values.Select(BitConverter.DoubleToInt64Bits), streamed.Values.Select(BitConverter.DoubleToInt64Bits));
            Assert.Contains(streamed.Values, value => value != 0);
        }
    }
}
