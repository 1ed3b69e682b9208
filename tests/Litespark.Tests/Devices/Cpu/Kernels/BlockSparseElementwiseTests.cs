using Litespark.Devices.Cpu.Kernels;
using Litespark.Graphs;

namespace Litespark.Tests.Devices.Cpu.Kernels;

public sealed unsafe class BlockSparseElementwiseTests
{
    /// <summary>Grid and density.</summary>
    public static TheoryData<int, int, int, int, double> Cases => new()
    {
        { 64, 96, 16, 16, 0.3 }, { 61, 45, 16, 16, 0.5 }, { 40, 33, 8, 4, 0.4 }, { 19, 23, 1, 1, 0.4 }, { 48, 40, 32, 16, 0 }, { 48, 40, 16, 16, 1 },
    };

    [Theory]
    [MemberData(nameof(Cases))]
    public void AdamW_updates_live_blocks_as_the_dense_kernel_and_leaves_dead_ones(int rows, int columns, int blockRows, int blockColumns, double density)
    {
        var settings = new AdamWSettings(0.9, 0.95, 1e-3, 0.1);
        using var trial = new KernelTrial();
        var blocks = new BlockSparseCase(trial, BlockGrid.Of([rows, 10], columns, blockRows, blockColumns), density);
        int count = blocks.Grid.Rows * columns;
        Operand w = trial.Random(1, count), g = trial.Random(1, count), m = trial.Random(1, count), v = trial.Positive(1, count);
        Operand schedule = trial.New(1, 3, 0, (_, i) => i == 0 ? 0.02f : 0.5f), clip = trial.Scalar(0.5f);
        Operand[] state = [w, m, v];
        double[][] before = [.. state.Select(operand => operand.Values)];
        double[][]? expected = null;
        trial.Run(pool => new AdamWKernel(pool, w.Data, g.Data, m.Data, v.Data, count, settings, schedule.Data, clip.Data),
            () => expected ??= [.. state.Select((operand, i) => blocks.Select(operand.Values, before[i]))]);
        trial.Run(
            pool => new BlockSparseAdamWKernel(pool, w.Data, g.Data, m.Data, v.Data, blocks.Grid, blocks.Topology, settings, schedule.Data, clip.Data),
            () =>
            {
                for (int i = 0; i < state.Length; i++) Reference.AssertClose(expected![i], state[i].Values, 1e-6);
                for (int i = 0; i < count; i++) Assert.True(blocks.IsLive(i / columns, i % columns) || before[0][i] == w.Data[i]);
            });
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Only_live_blocks_are_summed(int rows, int columns, int blockRows, int blockColumns, double density)
    {
        using var trial = new KernelTrial();
        var blocks = new BlockSparseCase(trial, BlockGrid.Of([rows, 10], columns, blockRows, blockColumns), density);
        Operand x = trial.Random(blocks.Grid.Rows, columns), y = trial.Scalar(3);
        double sum = blocks.Select(x.Values, new double[x.Values.Length]).Sum(value => value * value);
        foreach (bool accumulate in new[] { false, true })
        {
            trial.Run(pool => new BlockSparseSumOfSquaresKernel(pool, x.Data, blocks.Grid, blocks.Topology, y.Data, accumulate),
                () => Reference.AssertClose([sum + (accumulate ? 3 : 0)], y.Values, 2e-7));
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Norms_are_means_of_absolute_values(int rows, int columns, int blockRows, int blockColumns, double density)
    {
        using var trial = new KernelTrial();
        var blocks = new BlockSparseCase(trial, BlockGrid.Of([rows, 10], columns, blockRows, blockColumns), density);
        BlockGrid grid = blocks.Grid;
        Operand x = trial.Random(grid.Rows, columns, 3), norms = trial.Zeros(1, grid.Count);
        double[] expected = new double[grid.Count];
        for (int i = 0; i < grid.Count; i++)
        {
            (int row, int column) = (i / grid.ColumnBlocks, i % grid.ColumnBlocks);
            for (int r = 0; r < grid.Height(row); r++)
                for (int c = 0; c < grid.Width(column); c++) expected[i] += Math.Abs(x.Matrix.Row(grid.RowStart(row) + r)[grid.ColumnStart(column) + c]);
            expected[i] /= grid.Elements(i);
        }

        trial.Run(pool => new BlockNormsKernel(pool, x.Matrix, grid, norms.Data), () => Reference.AssertClose(expected, norms.Values, 1e-6));
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Dead_blocks_become_zero_and_live_ones_stay(int rows, int columns, int blockRows, int blockColumns, double density)
    {
        using var trial = new KernelTrial();
        var blocks = new BlockSparseCase(trial, BlockGrid.Of([rows, 10], columns, blockRows, blockColumns), density);
        Operand x = trial.Random(blocks.Grid.Rows, columns, 3);
        double[] expected = blocks.Select(x.Values, new double[x.Values.Length]);
        trial.Run(pool => new ZeroDeadBlocksKernel(pool, x.Matrix, blocks.Grid, blocks.Topology), () => Assert.Equal(expected, x.Values));
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Dead_blocks_become_the_mean_of_what_lives_in_their_row(int rows, int columns, int blockRows, int blockColumns, double density)
    {
        using var trial = new KernelTrial();
        var blocks = new BlockSparseCase(trial, BlockGrid.Of([rows, 10], columns, blockRows, blockColumns), density);
        BlockGrid grid = blocks.Grid;
        Operand x = trial.Positive(grid.Rows, columns, 3);
        double[] expected = x.Values;
        var before = new float[grid.Count];
        for (int block = 0; block < grid.RowBlocks; block++)
        {
            for (int i = grid.RowStart(block) * columns; i < grid.RowStart(block + 1) * columns; i++) before[grid.Index(block, i % columns / grid.BlockColumns)] += (float)expected[i];
        }

        Operand means = trial.New(1, grid.Count, 0, (_, block) => before[block] / grid.Elements(block));
        for (int block = 0; block < grid.RowBlocks; block++)
        {
            int[] row = [.. Enumerable.Range(grid.RowStart(block) * columns, grid.Height(block) * columns)];
            double[] alive = [.. row.Where(i => blocks.IsLive(i / columns, i % columns)).Select(i => expected[i])];
            foreach (int i in row.Where(i => !blocks.IsLive(i / columns, i % columns))) expected[i] = alive.DefaultIfEmpty().Average();
        }

        trial.Run(pool => new FillDeadBlocksKernel(pool, x.Matrix, grid, blocks.Topology, means.Data), () => Reference.AssertClose(expected, x.Values, 1e-6));
    }
}
