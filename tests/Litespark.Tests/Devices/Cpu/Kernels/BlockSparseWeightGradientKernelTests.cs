using System.Runtime.Intrinsics;
using Litespark.Devices.Cpu;
using Litespark.Devices.Cpu.Kernels;
using Litespark.Devices.Cpu.Simd;
using Litespark.Graphs;

namespace Litespark.Tests.Devices.Cpu.Kernels;

public sealed unsafe class BlockSparseWeightGradientKernelTests
{
    [Theory]
    [MemberData(nameof(BlockSparseGemmKernelTests.Shapes), MemberType = typeof(BlockSparseGemmKernelTests))]
    public void Live_blocks_agree_with_a_double_precision_product(int tokens, int rows, int more, int columns, int blockRows, int blockColumns)
    {
        BlockGrid grid = BlockGrid.Of([rows, more], columns, blockRows, blockColumns);
        foreach (double density in new[] { 0, 0.2, 0.6, 0.97, 1 })
        {
            using var trial = new KernelTrial(tokens);
            var gradient = new Gradient(trial, grid, density, tokens, denseGradients: false);
            double[] zeros = new double[grid.Rows * grid.Columns];
            gradient.Check(pool => gradient.Kernel(pool, accumulate: false, zeroDead: true), gradient.DW, false, zeros);
            gradient.Check(pool => gradient.KernelOf(pool, gradient.Sum, accumulate: true, zeroDead: false), gradient.Sum, true, zeros);
        }
    }

    [Fact]
    public void Dead_blocks_stay_as_they_are_unless_they_are_to_be_zero()
    {
        using var trial = new KernelTrial();
        var gradient = new Gradient(trial, BlockGrid.Of([48, 20], 90, 16, 16), 0.3, 33, denseGradients: false);
        double[] before = gradient.DW.Values;
        gradient.Check(pool => gradient.Kernel(pool, accumulate: false, zeroDead: false), gradient.DW, false, before);
        gradient.Check(pool => gradient.Kernel(pool, accumulate: true, zeroDead: true), gradient.DW, true, before);
    }

    [Theory]
    [InlineData(300, 16, 16)]
    [InlineData(31, 16, 16)]
    [InlineData(140, 8, 8)]
    [InlineData(26, 5, 9)]
    [InlineData(26, 40, 40)]
    [InlineData(33, 12, 12)]
    [InlineData(129, 12, 20)]
    public void Every_tile_computes_the_live_blocks(int tokens, int blockRows, int blockColumns)
    {
        foreach (BlockGrid grid in new[] { BlockGrid.Of([40, 23], 50, blockRows, blockColumns), BlockGrid.Of([20, 23], 70, blockRows, blockColumns) })
        {
            using var trial = new KernelTrial(tokens);
            var gradient = new Gradient(trial, grid, 0.4, tokens, denseGradients: false);
            gradient.CheckTile<BlockGradientTile6<Vector128<float>, Register128>>();
            float[] narrow = gradient.CheckTile<BlockGradientTile6<Vector256<float>, Register256>>();
            gradient.CheckTile<BlockGradientTile6<Vector512<float>, Register512>>();
            gradient.CheckTile<NarrowBlockGradientTile<Vector256<float>, Register256>>();
            // A measurement chooses between these two, so that a run may meet both.
            Assert.Equal(narrow.Select(BitConverter.SingleToUInt32Bits), gradient.CheckTile<NarrowBlockGradientTile<Vector512<float>, Register512>>().Select(BitConverter.SingleToUInt32Bits));
        }
    }

    [Theory]
    [InlineData(1300, 900)]
    [InlineData(900, 1300)]
    public void Many_tokens_and_many_lines_go_in_passes(int rows, int columns)
    {
        using var trial = new KernelTrial();
        var gradient = new Gradient(trial, BlockGrid.Of([rows], columns, 16, 16), 0.01, 1700, denseGradients: false);
        gradient.Check(pool => gradient.Kernel(pool, accumulate: false, zeroDead: false), gradient.DW, false, gradient.DW.Values);
        gradient.CheckTile<NarrowBlockGradientTile<Vector512<float>, Register512>>();
    }

    [Theory]
    [InlineData(0.2, true)]
    [InlineData(1, false)]
    public void The_gradient_of_all_blocks_is_the_dense_product_s_bit_for_bit(double density, bool denseGradients)
    {
        using var trial = new KernelTrial();
        var gradient = new Gradient(trial, BlockGrid.Of([64, 32], 80, 16, 16), density, 50, denseGradients);
        using var pool = new WorkerPool(2);
        gradient.Kernel(pool, accumulate: true, zeroDead: false).Run(pool);
        float[] sparse = gradient.DW.All.ToArray();
        gradient.DW.Restore();
        new GemmKernel(pool, gradient.A.Matrix, true, gradient.B.Matrix, false, gradient.DW.Matrix, accumulate: true).Run(pool);
        Assert.Equal(sparse.Select(BitConverter.SingleToUInt32Bits), gradient.DW.All.ToArray().Select(BitConverter.SingleToUInt32Bits));
    }

    /// <summary>Which operand is the longer one depends on the grid; blocks may not be whole, rows may not begin with cache lines.</summary>
    [Theory]
    [InlineData(112, 80, 16, false)]
    [InlineData(110, 80, 16, false)]
    [InlineData(112, 72, 16, false)]
    [InlineData(72, 112, 16, false)]
    [InlineData(110, 96, 32, false)]
    [InlineData(48, 176, 16, false)]
    [InlineData(96, 170, 32, false)]
    [InlineData(272, 256, 16, true)]
    [InlineData(256, 288, 16, true)]
    [InlineData(1024, 80, 16, false)]
    public void An_operand_that_is_read_where_it_lies_gives_the_same_bits(int rows, int columns, int block, bool collides)
    {
        const int Tokens = 300, Chunk = 100;
        var bits = new List<uint[]>();
        BlockGrid grid = BlockGrid.Of([rows], columns, block, block);
        foreach ((int gapA, int gapB) in new[] { (0, 0), (0, 3), (3, 0), (3, 3) })
        {
            using var trial = new KernelTrial(9);
            var gradient = new Gradient(trial, grid, 0.2, Tokens, denseGradients: false, gapA, gapB);
            BlockSparseOperand a = new(gradient.A.Matrix, BlockAxis.OfRows(grid, 16)), b = new(gradient.B.Matrix, BlockAxis.OfColumns(grid, 16));
            Assert.Equal(gapA == 0 && rows % 16 == 0, a.HasWholeLines);
            Assert.Equal(gapB == 0 && columns % 16 == 0, b.HasWholeLines);
            (BlockSparseOperand longer, BlockSparseOperand shorter) = rows >= columns ? (a, b) : (b, a);
            Assert.Equal(shorter.HasWholeLines && !collides, shorter.IsReadable(Chunk, there: false));
            Assert.Equal(shorter.HasWholeLines, shorter.IsReadable(Chunk, there: true));
            Assert.False(shorter.IsReadable(5000, there: true));
            Assert.Equal(rows == 1024 && gapA == 0, longer.Collides(16));

            gradient.CheckTile<BlockGradientTile6<Vector256<float>, Register256>>();
            bits.Add(Bits(gradient.DW));
            gradient.CheckTile<NarrowBlockGradientTile<Vector256<float>, Register256>>();
            bits.Add(Bits(gradient.DW));
            gradient.CheckTile<NarrowBlockGradientTile<Vector512<float>, Register512>>();
            bits.Add(Bits(gradient.DW));
        }

        Assert.All(bits, values => Assert.Equal(bits[0], values));
    }

    [Fact]
    public void One_kernel_follows_the_topology()
    {
        BlockGrid grid = BlockGrid.Of([1024], 80, 16, 16);
        using var trial = new KernelTrial(9);
        using var pool = new WorkerPool(2);
        var gradient = new Gradient(trial, grid, 0.2, 300, denseGradients: false, gapA: 0, gapB: 0);
        BlockSparseOuter<NarrowBlockGradientTile<Vector512<float>, Register512>> kernel = New<NarrowBlockGradientTile<Vector512<float>, Register512>>();
        // Few live blocks, all of them, then few again: the longer operand is read in place, packed, and in place.
        foreach (bool all in new[] { false, true, false })
        {
            BlockTopology.Write(grid, [.. gradient.Blocks.Live.Select(live => live || all)], false, new Span<int>(gradient.Blocks.Topology, grid.TopologyLength));
            Assert.Equal(Run(New<BlockGradientTile6<Vector256<float>, Register256>>()), Run(kernel));
        }

        BlockSparseOuter<TTile> New<TTile>() where TTile : struct, IBlockGradientTile
            => new(pool, gradient.A.Matrix, gradient.B.Matrix, grid, gradient.Blocks.Topology, gradient.DW.Matrix, accumulate: true);

        uint[] Run(CpuKernel one)
        {
            gradient.DW.Restore();
            one.Run(pool);
            return Bits(gradient.DW);
        }
    }

    static uint[] Bits(Operand operand) => [.. operand.Values.Select(value => BitConverter.SingleToUInt32Bits((float)value))];

    sealed class Gradient
    {
        readonly KernelTrial trial;

        public Gradient(KernelTrial trial, BlockGrid grid, double density, int tokens, bool denseGradients, int gapA = 3, int gapB = 1)
        {
            this.trial = trial;
            Blocks = new BlockSparseCase(trial, grid, density, denseGradients);
            A = trial.Random(tokens, grid.Rows, gapA);
            B = trial.Random(tokens, grid.Columns, gapB);
            DW = trial.Random(grid.Rows, grid.Columns, 2);
            Sum = Blocks.Weights(trial, 2);
        }

        public BlockSparseCase Blocks { get; }

        public Operand A { get; }

        public Operand B { get; }

        /// <summary>Random, dead blocks too.</summary>
        public Operand DW { get; }

        /// <summary>Random, dead blocks are zero.</summary>
        public Operand Sum { get; }

        public BlockSparseWeightGradientKernel Kernel(WorkerPool pool, bool accumulate, bool zeroDead) => KernelOf(pool, DW, accumulate, zeroDead);

        public BlockSparseWeightGradientKernel KernelOf(WorkerPool pool, Operand result, bool accumulate, bool zeroDead)
            => new(pool, A.Matrix, B.Matrix, Blocks.Grid, Blocks.Topology, result.Matrix, accumulate, zeroDead);

        public float[] CheckTile<TTile>() where TTile : struct, IBlockGradientTile
        {
            Check(pool => new BlockSparseOuter<TTile>(pool, A.Matrix, B.Matrix, Blocks.Grid, Blocks.Topology, DW.Matrix, accumulate: true), DW, true, DW.Values);
            return DW.All.ToArray();
        }

        public void Check(Func<WorkerPool, CpuKernel> build, Operand result, bool accumulate, double[] dead)
        {
            result.Restore();
            double[] a = A.Values, b = B.Values, before = result.Values;
            int rows = Blocks.Grid.Rows, columns = Blocks.Grid.Columns;
            double[] expected = new double[rows * columns];
            for (int i = 0; i < expected.Length; i++)
            {
                if (!Blocks.IsLive(i / columns, i % columns)) continue;
                double sum = accumulate ? before[i] : 0;
                for (int t = 0; t < A.Matrix.Rows; t++) sum += a[t * rows + i / columns] * b[t * columns + i % columns];
                expected[i] = sum;
            }

            expected = Blocks.Select(expected, dead);
            trial.Run(build, () => Reference.AssertClose(expected, result.Values, 3e-5));
        }
    }
}
