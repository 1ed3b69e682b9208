using System.Runtime.Intrinsics;
using Litespark.Devices.Cpu.Simd;
using Litespark.Graphs;

namespace Litespark.Devices.Cpu.Kernels;

/// <summary>
/// Product with block-sparse weights: y[M, N] = alpha · x·wᵀ (transposeW) or alpha · x·w (+ bias[N] on every row) (+ y). The weights lie dense,
/// [rows, columns], dead blocks as zeros; a topology buffer (<see cref="BlockTopology"/>) tells at run time which are live, and only these are
/// read. Where so many are live that it is no slower, the dense product runs instead: with all of them live the result is its, bit for bit.
/// The result is the same for any number of threads; nothing outside y's rows × columns is written.
/// </summary>
internal sealed unsafe class BlockSparseGemmKernel : CpuKernel
{
    // Tall tiles compute whole ones: a quarter too much at most.
    const int EnoughRowsForTallTiles = 96;

    readonly CpuKernel dense;
    readonly CpuKernel? sparse;
    readonly int* topology;
    readonly int mostLive;

    /// <summary>Binds the operands. y must not overlap x, w or bias.</summary>
    /// <exception cref="ArgumentException">The shapes don't fit together.</exception>
    public BlockSparseGemmKernel(WorkerPool pool, Matrix x, Matrix w, bool transposeW, BlockGrid grid, int* topology, Matrix y,
        float* bias = null, bool accumulate = false, float alpha = 1f)
    {
        this.topology = topology;
        dense = new GemmKernel(pool, x, transposeA: false, w, transposeW, y, bias, accumulate, alpha);
        mostLive = BlockSparsity.MostLive(grid, y.Rows);
        if (mostLive > 0) sparse = Create(pool, new BlockSparseProblem(x, w, transposeW, grid, topology, y, bias, accumulate, alpha), mostLive);
    }

    /// <inheritdoc/>
    public override void Run(WorkerPool pool)
    {
        if (sparse is not null && topology[BlockTopology.LiveCount] <= mostLive) sparse.Run(pool);
        else dense.Run(pool);
    }

    static CpuKernel Create(WorkerPool pool, in BlockSparseProblem problem, int mostLive)
    {
        // Most tiles are two registers wide: with 512 bits for blocks of 32 columns, with 256 for 16.
        int width = problem.Outputs.Longest;
        return SimdWidth.Count switch
        {
            16 or 8 when width <= 8 => Create<NarrowBlockTile<Vector256<float>, Register256>, Simd256>(pool, problem, mostLive),
            16 when width % 32 != 0 && problem.Y.Rows >= EnoughRowsForTallTiles && WideMultipliers.Present => Create<TallBlockTile<Vector512<float>, Register512>, Simd512>(pool, problem, mostLive, alwaysCopies: !IndexedOperands.AreFree),
            16 when width % 32 == 0 => Create<BlockTile6<Vector512<float>, Register512>, Simd512>(pool, problem, mostLive),
            16 or 8 => Create<BlockTile6<Vector256<float>, Register256>, Simd256>(pool, problem, mostLive),
            _ => Create<BlockTile6<Vector128<float>, Register128>, Simd128>(pool, problem, mostLive),
        };
    }

    /// <summary>The sparse walk for one tile and register width: with x always copied into panels, or only where it must be.</summary>
    public static CpuKernel Create<TTile, T>(WorkerPool pool, in BlockSparseProblem problem, int mostLive, bool alwaysCopies = false)
        where TTile : struct, IBlockTile
        where T : struct, ISimd<T>
        => problem.Bias == null
            ? new BlockSparseProduct<TTile, NoEpilogue>(pool, problem, default, mostLive, alwaysCopies)
            : new BlockSparseProduct<TTile, BiasEpilogue<T>>(pool, problem, new BiasEpilogue<T>(problem.Bias), mostLive, alwaysCopies);
}
