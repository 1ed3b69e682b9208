using Litespark.Graphs;

namespace Litespark.Tests.Devices.Cpu.Kernels;

/// <summary>A grid with random live blocks, its topology buffer, and masks of it.</summary>
internal sealed unsafe class BlockSparseCase
{
    public BlockSparseCase(KernelTrial trial, BlockGrid grid, double density, bool denseGradients = false)
    {
        Grid = grid;
        // Some density below one leaves the first block row and the last block column empty.
        Live = [.. Enumerable.Range(0, grid.Count).Select(i => density >= 1 || i / grid.ColumnBlocks > 0 && i % grid.ColumnBlocks < grid.ColumnBlocks - 1
            && trial.NextInteger(1000) < density * 1000)];
        int[] buffer = new int[grid.TopologyLength];
        BlockTopology.Write(grid, Live, denseGradients, buffer);
        Buffer = trial.Integers(buffer);
    }

    public BlockGrid Grid { get; }

    public bool[] Live { get; }

    public Operand Buffer { get; }

    public int* Topology => Buffer.Integers;

    /// <summary>Whether an element of the matrix is in a live block.</summary>
    public bool IsLive(int row, int column)
    {
        int block = 0;
        while (Grid.RowStart(block + 1) <= row) block++;
        return Live[Grid.Index(block, column / Grid.BlockColumns)];
    }

    /// <summary>A random matrix of the grid, dead blocks as zeros.</summary>
    public Operand Weights(KernelTrial trial, int gap = 0) => trial.New(Grid.Rows, Grid.Columns, gap, (r, c) => IsLive(r, c) ? trial.Next() : 0);

    /// <summary>One value for elements of live blocks, another one for those of dead blocks.</summary>
    public double[] Select(double[] live, double[] dead)
        => [.. live.Select((value, i) => IsLive(i / Grid.Columns, i % Grid.Columns) ? value : dead[i])];
}
