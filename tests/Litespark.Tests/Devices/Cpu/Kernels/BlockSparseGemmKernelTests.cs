using System.Runtime.Intrinsics;
using Litespark.Devices.Cpu;
using Litespark.Devices.Cpu.Kernels;
using Litespark.Devices.Cpu.Simd;
using Litespark.Graphs;

namespace Litespark.Tests.Devices.Cpu.Kernels;

public sealed unsafe class BlockSparseGemmKernelTests
{
    /// <summary>Tokens, rows of two members, columns, block.</summary>
    public static TheoryData<int, int, int, int, int, int> Shapes => new()
    {
        { 1, 32, 32, 64, 16, 16 }, { 3, 16, 5, 20, 16, 16 }, { 24, 48, 16, 96, 16, 16 }, { 37, 40, 20, 52, 16, 16 }, { 101, 64, 32, 80, 32, 32 },
        { 50, 30, 33, 45, 8, 8 }, { 29, 64, 32, 70, 32, 16 }, { 61, 37, 50, 100, 12, 20 }, { 19, 7, 6, 9, 1, 1 }, { 26, 64, 64, 1024, 16, 16 },
        { 130, 256, 100, 48, 16, 24 },
    };

    [Theory]
    [MemberData(nameof(Shapes))]
    public void Both_forms_agree_with_a_double_precision_product_of_masked_weights(int tokens, int rows, int more, int columns, int blockRows, int blockColumns)
    {
        BlockGrid grid = BlockGrid.Of([rows, more], columns, blockRows, blockColumns);
        foreach (bool transpose in new[] { true, false })
        {
            foreach (double density in new[] { 0, 0.2, 0.6, 0.97, 1 })
            {
                using var trial = new KernelTrial(tokens);
                var product = new Product(trial, grid, density, tokens, transpose);
                product.Check(pool => product.Kernel(pool, biased: false, accumulate: false, 1), false, false, 1);
                product.Check(pool => product.Kernel(pool, biased: true, accumulate: true, -0.5f), true, true, -0.5);
            }
        }
    }

    [Theory]
    [InlineData(5, 16, 16)]
    [InlineData(31, 16, 16)]
    [InlineData(40, 8, 8)]
    [InlineData(26, 5, 9)]
    [InlineData(50, 40, 40)]
    public void Every_tile_walks_the_live_blocks(int tokens, int blockRows, int blockColumns)
    {
        foreach (bool transpose in new[] { true, false })
        {
            using var trial = new KernelTrial(tokens);
            var product = new Product(trial, BlockGrid.Of([40, 23], 70, blockRows, blockColumns), 0.4, tokens, transpose);
            CheckTile<BlockTile6<Vector128<float>, Register128>, Simd128>(product);
            float[] narrow = CheckTile<BlockTile6<Vector256<float>, Register256>, Simd256>(product);
            CheckTile<BlockTile6<Vector512<float>, Register512>, Simd512>(product);
            CheckTile<NarrowBlockTile<Vector256<float>, Register256>, Simd256>(product);
            // A measurement chooses between these two, so that a run may meet both.
            foreach (bool copies in new[] { false, true }) Assert.Equal(Bits(narrow), Bits(CheckTile<TallBlockTile<Vector512<float>, Register512>, Simd512>(product, copies)));
        }
    }

    [Fact]
    public void Rows_that_collide_in_the_cache_are_copied()
    {
        foreach (int gap in new[] { 0, 16 })
        {
            using var trial = new KernelTrial();
            var product = new Product(trial, BlockGrid.Of([64], 1024, 16, 16), 0.3, 40, true, gap);
            Assert.Equal(gap == 0, new BlockPanels(product.X.Matrix, BlockAxis.OfColumns(product.Blocks.Grid, BlockPanels.Piece), 6, always: false).Copies);
            uint[] six = Bits(CheckTile<BlockTile6<Vector256<float>, Register256>, Simd256>(product));
            foreach (bool copies in new[] { false, true }) Assert.Equal(six, Bits(CheckTile<TallBlockTile<Vector512<float>, Register512>, Simd512>(product, copies)));
        }
    }

    [Theory]
    [InlineData(6, 256, false)]
    [InlineData(24, 256, false)]
    [InlineData(6, 512, false)]
    [InlineData(24, 512, true)]
    [InlineData(6, 1024, true)]
    [InlineData(24, 1040, false)]
    public void As_many_rows_collide_as_have_no_place_of_their_own(int tileRows, int stride, bool copies)
    {
        using var trial = new KernelTrial();
        BlockAxis axis = BlockAxis.OfColumns(BlockGrid.Of([16], stride, 16, 16), BlockPanels.Piece);
        Assert.Equal(copies, new BlockPanels(trial.Zeros(1, stride).Matrix, axis, tileRows, always: false).Copies);
        Assert.True(new BlockPanels(trial.Zeros(1, stride).Matrix, axis, tileRows, always: true).Copies);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Results_that_pass_the_caches_by_have_the_same_bits(bool transpose)
    {
        const int Tokens = 3300; // fewer results stay in the caches
        var bits = new List<uint[]>();
        foreach (int gap in new[] { 16, 5 })
        {
            using var trial = new KernelTrial(7);
            var product = new Product(trial, BlockGrid.Of([64, 32], 80, 16, 16), 0.4, Tokens, transpose, yGap: gap);
            Assert.Equal(gap == 16, StreamingStores.Fit(product.Y.Data, product.Y.Matrix.Stride, 16));
            foreach (bool copies in new[] { false, true })
            {
                bits.Add(Stream<BlockTile6<Vector256<float>, Register256>, Simd256>(copies));
                bits.Add(Stream<TallBlockTile<Vector512<float>, Register512>, Simd512>(copies));
            }

            uint[] Stream<TTile, T>(bool copies)
                where TTile : struct, IBlockTile
                where T : struct, ISimd<T>
            {
                Assert.True(TTile.Streams);
                product.Check(pool => BlockSparseGemmKernel.Create<TTile, T>(pool, product.Problem(2, biased: false, accumulate: false), product.Blocks.Grid.Count, copies), false, false, 2);
                return [.. product.Y.Values.Select(value => BitConverter.SingleToUInt32Bits((float)value))];
            }
        }

        Assert.All(bits, one => Assert.Equal(bits[0], one));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void With_all_blocks_live_every_bit_is_the_dense_product_s(bool transpose)
    {
        using var trial = new KernelTrial();
        var product = new Product(trial, BlockGrid.Of([64, 32], 80, 16, 16), 1, 50, transpose);
        using var pool = new WorkerPool(2);
        product.Kernel(pool, true, true, 2).Run(pool);
        float[] sparse = product.Y.All.ToArray();
        product.Y.Restore();
        new GemmKernel(pool, product.X.Matrix, false, product.W.Matrix, transpose, product.Y.Matrix, product.Bias.Data, true, 2).Run(pool);
        Assert.Equal(sparse.Select(BitConverter.SingleToUInt32Bits), product.Y.All.ToArray().Select(BitConverter.SingleToUInt32Bits));
    }

    [Fact]
    public void Weights_of_another_shape_are_refused()
    {
        using var trial = new KernelTrial();
        using var pool = new WorkerPool(1);
        BlockGrid grid = BlockGrid.Of([32], 32, 16, 16);
        Operand x = trial.Zeros(8, 32), w = trial.Zeros(48, 32), y = trial.Zeros(8, 48);
        Assert.Throws<ArgumentException>(() => new BlockSparseGemmKernel(pool, x.Matrix, w.Matrix, true, grid, null, y.Matrix));
    }

    static uint[] Bits(float[] values) => [.. values.Select(BitConverter.SingleToUInt32Bits)];

    static float[] CheckTile<TTile, T>(Product product, bool alwaysCopies = false) where TTile : struct, IBlockTile where T : struct, ISimd<T>
    {
        product.Check(pool => BlockSparseGemmKernel.Create<TTile, T>(pool, product.Problem(2), product.Blocks.Grid.Count, alwaysCopies), biased: true, accumulate: true, alpha: 2);
        return product.Y.All.ToArray();
    }

    sealed class Product
    {
        readonly KernelTrial trial;
        readonly bool transpose;

        public Product(KernelTrial trial, BlockGrid grid, double density, int tokens, bool transpose, int gap = 3, int yGap = 5)
        {
            (this.trial, this.transpose) = (trial, transpose);
            Blocks = new BlockSparseCase(trial, grid, density);
            W = Blocks.Weights(trial, 2);
            X = trial.Random(tokens, transpose ? grid.Columns : grid.Rows, gap);
            Y = trial.Random(tokens, transpose ? grid.Rows : grid.Columns, yGap);
            Bias = trial.Random(1, Y.Matrix.Columns);
        }

        public BlockSparseCase Blocks { get; }

        public Operand X { get; }

        public Operand W { get; }

        public Operand Y { get; }

        public Operand Bias { get; }

        public BlockSparseGemmKernel Kernel(WorkerPool pool, bool biased, bool accumulate, float alpha)
            => new(pool, X.Matrix, W.Matrix, transpose, Blocks.Grid, Blocks.Topology, Y.Matrix, biased ? Bias.Data : null, accumulate, alpha);

        public BlockSparseProblem Problem(float alpha, bool biased = true, bool accumulate = true)
            => new(X.Matrix, W.Matrix, transpose, Blocks.Grid, Blocks.Topology, Y.Matrix, biased ? Bias.Data : null, accumulate, alpha);

        public void Check(Func<WorkerPool, CpuKernel> build, bool biased, bool accumulate, double alpha)
        {
            Y.Restore();
            double[] x = X.Values, w = W.Values, expected = Y.Values;
            int n = Y.Matrix.Columns, k = X.Matrix.Columns;
            for (int i = 0; i < expected.Length; i++)
            {
                double sum = 0;
                for (int j = 0; j < k; j++) sum += x[i / n * k + j] * w[transpose ? i % n * k + j : j * n + i % n];
                expected[i] = alpha * sum + (biased ? Bias.Data[i % n] : 0) + (accumulate ? expected[i] : 0);
            }

            trial.Run(build, () => Reference.AssertClose(expected, Y.Values, 2e-5));
        }
    }
}
