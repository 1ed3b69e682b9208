using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using Litespark.Devices.Cpu.Simd;

namespace Litespark.Devices.Cpu.Kernels;

/// <summary>Builds the attention kernels for the register width and register tile of this machine.</summary>
internal static unsafe class AttentionKernels
{
    /// <summary><see cref="AttentionKernel{T,TTile}"/></summary>
    public static CpuKernel Forward(AttentionShape shape, Matrix q, Matrix k, Matrix v, Matrix o, float* logSumExp, WorkerPool pool, float* live = null)
        => SimdWidth.Count switch
    {
        16 when InThrees(shape.HeadDim) => new AttentionKernel<Simd512, GemmTile8<Vector512<float>, Register512>>(shape, q, k, v, o, logSumExp, pool, live),
        16 => new AttentionKernel<Simd512, GemmTile12<Vector512<float>, Register512>>(shape, q, k, v, o, logSumExp, pool, live),
        8 => new AttentionKernel<Simd256, GemmTile6<Vector256<float>, Register256>>(shape, q, k, v, o, logSumExp, pool, live),
        _ when AdvSimd.IsSupported => new AttentionKernel<Simd128, GemmTile12<Vector128<float>, Register128>>(shape, q, k, v, o, logSumExp, pool, live),
        _ => new AttentionKernel<Simd128, GemmTile6<Vector128<float>, Register128>>(shape, q, k, v, o, logSumExp, pool, live),
    };

    /// <summary><see cref="AttentionGradientKernel{T,TTile}"/></summary>
    public static CpuKernel Gradient(AttentionShape shape, Matrix q, Matrix k, Matrix v, Matrix o, Matrix dO, float* logSumExp,
        Matrix dQ, Matrix dK, Matrix dV, WorkerPool pool) => SimdWidth.Count switch
    {
        16 when InThrees(shape.HeadDim) => new AttentionGradientKernel<Simd512, GemmTile8<Vector512<float>, Register512>>(shape, q, k, v, o, dO, logSumExp, dQ, dK, dV, pool),
        16 => new AttentionGradientKernel<Simd512, GemmTile12<Vector512<float>, Register512>>(shape, q, k, v, o, dO, logSumExp, dQ, dK, dV, pool),
        8 => new AttentionGradientKernel<Simd256, GemmTile6<Vector256<float>, Register256>>(shape, q, k, v, o, dO, logSumExp, dQ, dK, dV, pool),
        _ when AdvSimd.IsSupported
            => new AttentionGradientKernel<Simd128, GemmTile12<Vector128<float>, Register128>>(shape, q, k, v, o, dO, logSumExp, dQ, dK, dV, pool),
        _ => new AttentionGradientKernel<Simd128, GemmTile6<Vector128<float>, Register128>>(shape, q, k, v, o, dO, logSumExp, dQ, dK, dV, pool),
    };

    /// <summary><see cref="CachedAttentionKernel{T,TTile}"/></summary>
    public static CpuKernel Cached(AttentionShape shape, Matrix q, Matrix keyCache, Matrix valueCache, int* positions, Matrix o,
        WorkerPool pool) => SimdWidth.Count switch
    {
        16 when InThrees(shape.HeadDim) => new CachedAttentionKernel<Simd512, GemmTile8<Vector512<float>, Register512>>(shape, q, keyCache, valueCache, positions, o, pool),
        16 => new CachedAttentionKernel<Simd512, GemmTile12<Vector512<float>, Register512>>(shape, q, keyCache, valueCache, positions, o, pool),
        8 => new CachedAttentionKernel<Simd256, GemmTile6<Vector256<float>, Register256>>(shape, q, keyCache, valueCache, positions, o, pool),
        _ when AdvSimd.IsSupported
            => new CachedAttentionKernel<Simd128, GemmTile12<Vector128<float>, Register128>>(shape, q, keyCache, valueCache, positions, o, pool),
        _ => new CachedAttentionKernel<Simd128, GemmTile6<Vector128<float>, Register128>>(shape, q, keyCache, valueCache, positions, o, pool),
    };

    /// <summary>Whether a head of this width is padded less in tiles of three registers of AVX-512 than of two.</summary>
    public static bool InThrees(int headDim) => (headDim + 47) / 48 * 48 < (headDim + 31) / 32 * 32;
}
