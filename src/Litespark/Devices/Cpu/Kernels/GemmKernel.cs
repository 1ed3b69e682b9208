using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using Litespark.Devices.Cpu.Simd;

namespace Litespark.Devices.Cpu.Kernels;

/// <summary>
/// Matrix product: C[M, N] = alpha · op(A)[M, K] · op(B)[K, N] (+ bias[N] on every row) (+ C), for any sizes and strides.
/// The three forms of training: forward x·Wᵀ, input gradient dy·W, weight gradient dyᵀ·x.
/// The result is the same bit for bit for any number of threads; nothing outside C's rows × columns is written.
/// </summary>
internal sealed unsafe class GemmKernel : CpuKernel
{
    readonly CpuKernel implementation;

    /// <summary>Binds the operands. C must not overlap A, B or bias.</summary>
    /// <exception cref="ArgumentException">The shapes don't fit together.</exception>
    public GemmKernel(WorkerPool pool, Matrix a, bool transposeA, Matrix b, bool transposeB, Matrix c,
        float* bias = null, bool accumulate = false, float alpha = 1f)
    {
        var problem = new GemmProblem(a, transposeA, b, transposeB, c, bias, accumulate, alpha);
        implementation = SimdWidth.Count switch
        {
            16 => Create<GemmTile12<Vector512<float>, Register512>, Simd512>(pool, problem),
            8 => Create<GemmTile6<Vector256<float>, Register256>, Simd256>(pool, problem),
            _ when AdvSimd.IsSupported => Create<GemmTile12<Vector128<float>, Register128>, Simd128>(pool, problem),
            _ => Create<GemmTile6<Vector128<float>, Register128>, Simd128>(pool, problem),
        };
    }

    /// <inheritdoc/>
    public override void Run(WorkerPool pool) => implementation.Run(pool);

    /// <summary>The kernel for one tile and register width.</summary>
    public static CpuKernel Create<TTile, T>(WorkerPool pool, in GemmProblem problem)
        where TTile : struct, IGemmTile
        where T : struct, ISimd<T>
    {
        if (problem.M <= SkinnyGemm<T>.MostRows) return new SkinnyGemm<T>(pool, problem);
        return problem.Bias == null
            ? Create<TTile, NoEpilogue>(pool, problem, default)
            : Create<TTile, BiasEpilogue<T>>(pool, problem, new BiasEpilogue<T>(problem.Bias));
    }

    static CpuKernel Create<TTile, TEpilogue>(WorkerPool pool, in GemmProblem problem, TEpilogue epilogue)
        where TTile : struct, IGemmTile
        where TEpilogue : struct, ITileEpilogue
        => WideGemm<TTile, TEpilogue>.Suits(problem) ? new WideGemm<TTile, TEpilogue>(pool, problem, epilogue) : new PackedGemm<TTile, TEpilogue>(pool, problem, epilogue);
}
