using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using Litespark.Devices.Cpu.Simd;

namespace Litespark.Devices.Cpu.Kernels;

/// <summary>
/// The same matrix product for every (i, j, k) of a three-level batch: c(i,j,k) = alpha · op(a(i,j,k)) · op(b(i,j,k)) (+ c(i,j,k)),
/// or, reduced over the k-level in ascending order, c(i,j,0) = Σ_k alpha · op(a(i,j,k)) · op(b(i,j,k)) (+ c(i,j,0)).
/// It serves attention with materialised scores: operands are column slices of [tokens, heads · head_dim] matrices, and
/// gradients of keys and values are summed over the query heads of a group.
/// The result is the same bit for bit for any number of threads.
/// </summary>
internal sealed class BatchedGemmKernel : CpuKernel
{
    readonly CpuKernel implementation;

    /// <summary>Binds the operands. The matrices of c must overlap neither each other (k-levels that are reduced aside) nor a or b.</summary>
    /// <exception cref="ArgumentException">The shapes or counts don't fit together.</exception>
    public BatchedGemmKernel(WorkerPool pool, int countI, int countJ, int countK, MatrixBatch a, bool transposeA, MatrixBatch b, bool transposeB,
        MatrixBatch c, float alpha = 1, bool accumulate = false, bool reduceK = false)
    {
        var problem = new BatchedGemmProblem(countI, countJ, countK, a, transposeA, b, transposeB, c, alpha, accumulate, reduceK);
        implementation = SimdWidth.Count switch
        {
            16 => new BatchedGemm<GemmTile12<Vector512<float>, Register512>>(pool, problem),
            8 => new BatchedGemm<GemmTile6<Vector256<float>, Register256>>(pool, problem),
            _ when AdvSimd.IsSupported => new BatchedGemm<GemmTile12<Vector128<float>, Register128>>(pool, problem),
            _ => new BatchedGemm<GemmTile6<Vector128<float>, Register128>>(pool, problem),
        };
    }

    /// <inheritdoc/>
    public override void Run(WorkerPool pool) => implementation.Run(pool);
}
