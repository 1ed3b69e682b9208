using System.Runtime.Intrinsics;
using Litespark.Devices.Cpu;
using Litespark.Devices.Cpu.Kernels;
using Litespark.Devices.Cpu.Simd;

namespace Litespark.Tests.Devices.Cpu.Kernels;

public unsafe class GemmKernelTests
{
    public static TheoryData<int, int, int> Shapes => new()
    {
        { 1, 1, 1 }, { 1, 300, 77 }, { 2, 131, 1030 }, { 3, 40, 9 }, { 4, 2100, 130 }, { 5, 1, 3 }, { 5, 7, 1 }, { 6, 16, 8 },
        { 37, 53, 71 }, { 150, 35, 333 }, { 300, 410, 35 }, { 13, 9, 2500 }, { 2100, 17, 1030 }, { 19, 2100, 1030 }, { 45, 330, 1600 }, { 700, 1100, 200 },
        // Several chunks: along both axes, along N, along k.
        { 1060, 2100, 1030 }, { 580, 1100, 1024 }, { 13, 9, 5000 },
        // Whole tiles and parts of them over several blocks of k.
        { 130, 70, 1600 },
    };

    [Theory]
    [MemberData(nameof(Shapes))]
    public void All_forms_agree_with_a_double_precision_product_and_write_nothing_else(int m, int n, int k)
    {
        using var pool = new WorkerPool(2);
        for (int form = 0; form < 4; form++)
        {
            using var operands = new RandomOperands(m + n + k + form);
            var gemm = new GemmCase(operands, m, n, k, transposeA: (form & 1) != 0, transposeB: (form & 2) != 0);
            gemm.Check(c => new GemmKernel(pool, gemm.A, gemm.TransposeA, gemm.B, gemm.TransposeB, c).Run(pool), bias: null, accumulate: false, alpha: 1);
            // A factor has A packed in any case.
            foreach (float alpha in new[] { 1, -0.5f })
                gemm.Check(c => new GemmKernel(pool, gemm.A, gemm.TransposeA, gemm.B, gemm.TransposeB, c, gemm.Bias, true, alpha).Run(pool), gemm.Bias, accumulate: true, alpha);
        }
    }

    [Theory]
    [InlineData(1, 130, 70)]
    [InlineData(3, 130, 70)]
    [InlineData(131, 260, 700)]
    [InlineData(600, 50, 300)]
    [InlineData(45, 330, 1600)]
    [InlineData(700, 1100, 200)]
    [InlineData(1060, 2100, 1030)]
    [InlineData(13, 9, 5000)]
    public void Every_bit_is_the_same_for_any_number_of_threads(int m, int n, int k)
    {
        for (int form = 0; form < 4; form++)
        {
            using var operands = new RandomOperands(m + n + k + form);
            var gemm = new GemmCase(operands, m, n, k, transposeA: (form & 1) != 0, transposeB: (form & 2) != 0);
            byte[]? first = null;
            foreach (int threads in new[] { 1, 2, 3, 5, 16 })
            {
                using var pool = new WorkerPool(threads);
                Matrix c = gemm.FreshC();
                new GemmKernel(pool, gemm.A, gemm.TransposeA, gemm.B, gemm.TransposeB, c, gemm.Bias, accumulate: true).Run(pool);
                byte[] bits = new ReadOnlySpan<byte>(c.Data, m * c.Stride * sizeof(float)).ToArray();
                first ??= bits;
                Assert.True(first.AsSpan().SequenceEqual(bits), $"{threads} threads");
            }
        }
    }

    [Theory]
    [InlineData(3, 70, 35)]
    [InlineData(45, 70, 35)]
    [InlineData(45, 130, 1600)]
    [InlineData(150, 70, 1600)]
    [InlineData(150, 530, 300)]
    [InlineData(530, 150, 300)]
    public void Every_register_width_gives_the_product(int m, int n, int k)
    {
        using var pool = new WorkerPool(2);
        for (int form = 0; form < 4; form++)
        {
            using var operands = new RandomOperands(m + n + k + form);
            var gemm = new GemmCase(operands, m, n, k, transposeA: (form & 1) != 0, transposeB: (form & 2) != 0);
            CheckWidth<GemmTile6<Vector128<float>, Register128>, Simd128>(gemm, pool);
            CheckWidth<GemmTile12<Vector128<float>, Register128>, Simd128>(gemm, pool);
            CheckWidth<GemmTile6<Vector256<float>, Register256>, Simd256>(gemm, pool);
            CheckWidth<GemmTile12<Vector512<float>, Register512>, Simd512>(gemm, pool);
        }
    }

    [Fact]
    public void Running_allocates_nothing()
    {
        using var operands = new RandomOperands(1);
        using var pool = new WorkerPool(2);
        var large = new GemmCase(operands, 100, 150, 50, false, true);
        var wide = new GemmCase(operands, 20, 200, 50, false, true);
        var skinny = new GemmCase(operands, 2, 200, 50, true, false);
        GemmKernel[] kernels =
        [
            new(pool, large.A, false, large.B, true, large.FreshC(), large.Bias),
            new(pool, wide.A, false, wide.B, true, wide.FreshC(), wide.Bias),
            new(pool, skinny.A, true, skinny.B, false, skinny.FreshC()),
        ];
        Assert.Equal(0, Allocations.OfRuns(pool, kernels));
    }

    [Fact]
    public void Shapes_that_do_not_fit_are_named()
    {
        using var operands = new RandomOperands(1);
        using var pool = new WorkerPool(1);
        string message = Assert.Throws<ArgumentException>(
            () => new GemmKernel(pool, operands.Matrix(3, 4, 0), false, operands.Matrix(5, 6, 0), true, operands.Matrix(3, 5, 0))).Message;
        Assert.Contains("[5, 6]ᵀ", message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void How_A_lies_changes_no_bit(bool transposed)
    {
        const int M = 130, N = 70, K = 1024;
        using var pool = new WorkerPool(2);
        using var operands = new RandomOperands(5);
        (int rows, int columns) = transposed ? (K, M) : (M, K);
        Matrix colliding = operands.Matrix(rows, columns, 1024 - columns % 1024 & 1023), apart = operands.Matrix(rows, columns, 1008 - columns % 1008);
        Assert.False(new PackSource(colliding, transposed, 1).ReadableInPlace(12, 512));
        Assert.Equal(!transposed || apart.Stride <= 1024, new PackSource(apart, transposed, 1).ReadableInPlace(12, 512));
        for (int row = 0; row < rows; row++) new Span<float>(colliding.Row(row), columns).CopyTo(new Span<float>(apart.Row(row), columns));

        Matrix b = operands.Matrix(K, N, 0), start = operands.Matrix(M, N, 0);
        byte[][] results = [.. new[] { colliding, apart }.Select(a =>
        {
            var c = new Matrix(operands.Copy(start.Data, M * N), M, N);
            new GemmKernel(pool, a, transposed, b, false, c, accumulate: true).Run(pool);
            return new ReadOnlySpan<byte>(c.Data, M * N * sizeof(float)).ToArray();
        })];
        Assert.Equal(results[0], results[1]);
        Assert.NotEqual(results[0], new ReadOnlySpan<byte>(start.Data, M * N * sizeof(float)).ToArray());
    }

    static void CheckWidth<TTile, T>(GemmCase gemm, WorkerPool pool) where TTile : struct, IGemmTile where T : struct, ISimd<T>
    {
        foreach (float alpha in new[] { 1f, 2 })
            gemm.Check(
                c => GemmKernel.Create<TTile, T>(pool, new GemmProblem(gemm.A, gemm.TransposeA, gemm.B, gemm.TransposeB, c, gemm.Bias, true, alpha)).Run(pool),
                gemm.Bias, accumulate: true, alpha);
    }
}
