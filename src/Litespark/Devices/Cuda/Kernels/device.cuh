// Plain helpers that every kernel file may use. Sums are added in an order that only the launch's shape decides, so results have the same
// bits from run to run.
#include "hardware.cuh"

const int WARP = 32;
const uint32 ALL_LANES = 0xFFFFFFFFu;

__device__ inline int lane_index() { return threadIdx.x % WARP; }
__device__ inline int warp_index() { return threadIdx.x / WARP; }

template <class T> __device__ inline T ceiling_division(T a, T b) { return (a + b - 1) / b; }

// Reductions over a warp: every lane calls and gets the same result.

__device__ inline float warp_sum(float x)
{
#pragma unroll
    for (int step = WARP / 2; step > 0; step /= 2) x += __shfl_xor_sync(ALL_LANES, x, step);
    return x;
}

__device__ inline float warp_max(float x)
{
#pragma unroll
    for (int step = WARP / 2; step > 0; step /= 2) x = fmaxf(x, __shfl_xor_sync(ALL_LANES, x, step));
    return x;
}
