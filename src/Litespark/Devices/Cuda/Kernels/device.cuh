// Plain helpers that every kernel file may use: loads and stores of several elements, reductions over a warp and over a block.
// All reductions add in an order that only the launch's shape decides, so results have the same bits from run to run.
#include "hardware.cuh"

const int WARP = 32;
const uint32 ALL_LANES = 0xFFFFFFFFu;

__device__ inline int lane_index() { return threadIdx.x % WARP; }
__device__ inline int warp_index() { return threadIdx.x / WARP; }

template <class T> __device__ inline T ceiling_division(T a, T b) { return (a + b - 1) / b; }

// Several elements that follow each other, as fp32. N is 1 or such that the elements fill whole 16-byte pieces: 4 or 8 fp32, 8 bf16;
// then the address is a multiple of 16.

template <int N> __device__ inline void load(const float* from, float (&x)[N])
{
    if constexpr (N % 4 == 0)
    {
#pragma unroll
        for (int i = 0; i < N; i += 4)
        {
            uint4 piece = load16(from + i);
            x[i] = __uint_as_float(piece.x);
            x[i + 1] = __uint_as_float(piece.y);
            x[i + 2] = __uint_as_float(piece.z);
            x[i + 3] = __uint_as_float(piece.w);
        }
    }
    else
    {
        static_assert(N == 1, "one fp32 or a multiple of four");
        x[0] = from[0];
    }
}

template <int N> __device__ inline void load(const bf16* from, float (&x)[N])
{
    if constexpr (N % 8 == 0)
    {
#pragma unroll
        for (int i = 0; i < N; i += 8)
        {
            uint4 piece = load16(from + i);
            uint32 pairs[4] = {piece.x, piece.y, piece.z, piece.w};
#pragma unroll
            for (int k = 0; k < 4; k++)
            {
                float2 two = unpack_bf16(pairs[k]);
                x[i + 2 * k] = two.x;
                x[i + 2 * k + 1] = two.y;
            }
        }
    }
    else
    {
        static_assert(N == 1, "one bf16 or a multiple of eight");
        x[0] = to_float(from[0]);
    }
}

template <int N> __device__ inline void store(float* to, const float (&x)[N])
{
    if constexpr (N % 4 == 0)
    {
#pragma unroll
        for (int i = 0; i < N; i += 4)
            store16(to + i, make_uint4(__float_as_uint(x[i]), __float_as_uint(x[i + 1]), __float_as_uint(x[i + 2]), __float_as_uint(x[i + 3])));
    }
    else
    {
        static_assert(N == 1, "one fp32 or a multiple of four");
        to[0] = x[0];
    }
}

template <int N> __device__ inline void store(bf16* to, const float (&x)[N])
{
    if constexpr (N % 8 == 0)
    {
#pragma unroll
        for (int i = 0; i < N; i += 8)
            store16(to + i, make_uint4(pack_bf16(x[i], x[i + 1]), pack_bf16(x[i + 2], x[i + 3]), pack_bf16(x[i + 4], x[i + 5]), pack_bf16(x[i + 6], x[i + 7])));
    }
    else
    {
        static_assert(N == 1, "one bf16 or a multiple of eight");
        to[0] = from_float<bf16>(x[0]);
    }
}

// The same at the end of a row that has `left` elements more: fewer than N are taken one by one, and what is missing reads as zero.

template <int N, class T> __device__ inline void load(const T* from, float (&x)[N], int64 left)
{
    if (left >= N) load(from, x);
    else
    {
#pragma unroll
        for (int i = 0; i < N; i++) x[i] = i < left ? to_float(from[i]) : 0.0f;
    }
}

template <int N, class T> __device__ inline void store(T* to, const float (&x)[N], int64 left)
{
    if (left >= N) store(to, x);
    else
    {
#pragma unroll
        for (int i = 0; i < N; i++)
            if (i < left) to[i] = from_float<T>(x[i]);
    }
}

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

// Reductions over a block of whole warps: every thread calls and gets the same result.

__device__ inline float block_sum(float x)
{
    SHARED_ARRAY(float, partial, WARP);
    x = warp_sum(x);
    __syncthreads(); // the last call's results have been read
    if (lane_index() == 0) partial[warp_index()] = x;
    __syncthreads();
    return warp_sum(lane_index() < (int)blockDim.x / WARP ? partial[lane_index()] : 0.0f);
}

__device__ inline float block_max(float x)
{
    SHARED_ARRAY(float, partial, WARP);
    x = warp_max(x);
    __syncthreads(); // the last call's results have been read
    if (lane_index() == 0) partial[warp_index()] = x;
    __syncthreads();
    return warp_max(partial[lane_index() < (int)blockDim.x / WARP ? lane_index() : 0]);
}
