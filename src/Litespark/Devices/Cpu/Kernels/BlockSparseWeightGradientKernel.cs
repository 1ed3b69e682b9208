using System.Runtime.Intrinsics;
using Litespark.Devices.Cpu.Simd;
using Litespark.Graphs;

namespace Litespark.Devices.Cpu.Kernels;

/// <summary>
/// Gradient of block-sparse weights: dW[rows, columns] = aᵀ·b (+ dW) with a [M, rows] and b [M, columns], in the live blocks of a topology
/// buffer (<see cref="BlockTopology"/>) or, in its mode <see cref="BlockTopology.DenseGradients"/>, in all blocks. With zeroDead, what
/// is not computed is zero afterwards; without, nothing may be read from it: it is left as it was, or zero where the dense product has run,
/// which is so where so many blocks are live that it is faster. With all blocks live the result is the dense product's, bit for bit.
/// The result is the same for any number of threads.
/// </summary>
internal sealed unsafe class BlockSparseWeightGradientKernel : CpuKernel
{
    readonly CpuKernel dense;
    readonly CpuKernel? sparse;
    readonly ZeroDeadBlocksKernel clear;
    readonly BlockGrid grid;
    readonly int* topology;
    readonly int mostLive;
    readonly bool zeroDead;

    /// <summary>Binds the operands. dW must not overlap a or b.</summary>
    /// <exception cref="ArgumentException">The shapes don't fit together.</exception>
    public BlockSparseWeightGradientKernel(WorkerPool pool, Matrix a, Matrix b, BlockGrid grid, int* topology, Matrix dW, bool accumulate, bool zeroDead)
    {
        if ((dW.Rows, dW.Columns) != (grid.Rows, grid.Columns)) throw new ArgumentException($"The gradient is [{dW.Rows}, {dW.Columns}], its grid is {grid}.");
        this.grid = grid;
        this.topology = topology;
        this.zeroDead = zeroDead && !accumulate;
        dense = new GemmKernel(pool, a, transposeA: true, b, transposeB: false, dW, accumulate: accumulate);
        clear = new ZeroDeadBlocksKernel(pool, dW, grid, topology);
        mostLive = BlockSparsity.MostLive(grid, a.Rows);
        if (mostLive > 0) sparse = Create(pool, a, b, grid, topology, dW, accumulate);
    }

    /// <inheritdoc/>
    public override void Run(WorkerPool pool)
    {
        int live = topology[BlockTopology.LiveCount];
        if (topology[BlockTopology.Mode] == BlockTopology.DenseGradients || live == grid.Count)
        {
            dense.Run(pool);
        }
        else if (sparse is not null && live <= mostLive)
        {
            sparse.Run(pool);
            if (zeroDead) clear.Run(pool);
        }
        else
        {
            dense.Run(pool);
            clear.Run(pool);
        }
    }

    static CpuKernel Create(WorkerPool pool, Matrix a, Matrix b, BlockGrid grid, int* topology, Matrix dW, bool accumulate)
    {
        int width = Math.Min(grid.BlockColumns, grid.Columns);
        return SimdWidth.Count switch
        {
            16 or 8 when width <= 8 => new BlockSparseOuter<NarrowBlockGradientTile<Vector256<float>, Register256>>(pool, a, b, grid, topology, dW, accumulate),
            16 when width % 32 != 0 && WideMultipliers.Present => new BlockSparseOuter<NarrowBlockGradientTile<Vector512<float>, Register512>>(pool, a, b, grid, topology, dW, accumulate),
            16 when width % 32 == 0 => new BlockSparseOuter<BlockGradientTile6<Vector512<float>, Register512>>(pool, a, b, grid, topology, dW, accumulate),
            16 or 8 => new BlockSparseOuter<BlockGradientTile6<Vector256<float>, Register256>>(pool, a, b, grid, topology, dW, accumulate),
            _ => new BlockSparseOuter<BlockGradientTile6<Vector128<float>, Register128>>(pool, a, b, grid, topology, dW, accumulate),
        };
    }
}
