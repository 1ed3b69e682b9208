#include "device.cuh"
#include "packs.cuh"
#include "cuts.cuh"
#include "teams.cuh"

// variants: ELEMENT=bf16 VECTOR=8 TEAM=256 THREADS=256; ELEMENT=float VECTOR=4 TEAM=256 THREADS=256

// Sums over vectors of any length: each block leaves one partial sum, a last block adds them up. A thread adds its packs in fp64, for it may
// meet ten thousand; one such addition a pack is little even where a GPU is slow at it. A block is one team.
typedef ELEMENT element;

template <class Term> __device__ inline void sum_parts(const element* x, int64 length, double* parts, Term term)
{
    double sum = 0;
    for_packs(Cut(x, length), x, (int64)blockIdx.x * THREADS + threadIdx.x, (int64)gridDim.x * THREADS, 0, [&](int64, const Pack<element>& pack) {
        float part = 0;
#pragma unroll
        for (int i = 0; i < VECTOR; i++) part += term(pack[i]);
        sum += part;
    });
    sum = team_sum(sum);
    if (threadIdx.x == 0) parts[blockIdx.x] = sum;
}

// parts[block] = Σ x over the block's share.
extern "C" __global__ void __launch_bounds__(THREADS) sum(const element* x, int64 length, double* parts)
{
    sum_parts(x, length, parts, [](float value) { return value; });
}
KERNEL(sum)

// parts[block] = Σ x² over the block's share.
extern "C" __global__ void __launch_bounds__(THREADS) sum_of_squares(const element* x, int64 length, double* parts)
{
    sum_parts(x, length, parts, [](float value) { return value * value; });
}
KERNEL(sum_of_squares)

// y[0] = Σ parts, plus what it held if accumulate. One block.
extern "C" __global__ void __launch_bounds__(THREADS) total(const double* parts, int count, float* y, int accumulate)
{
    double sum = 0;
    for (int i = threadIdx.x; i < count; i += THREADS) sum += parts[i];
    sum = team_sum(sum);
    if (threadIdx.x == 0) y[0] = (float)(accumulate ? sum + y[0] : sum);
}
KERNEL(total)

// y = x / (√squares[0] + epsilon); y may be x.
extern "C" __global__ void __launch_bounds__(THREADS) normalize(const element* x, int64 length, const float* squares, float epsilon, element* y)
{
    const Cut cut(x, length);
    const float factor = 1 / (sqrtf(squares[0]) + epsilon);
    for_packs(cut, x, (int64)blockIdx.x * THREADS + threadIdx.x, (int64)gridDim.x * THREADS, 0, [&](int64 index, const Pack<element>& pack) {
        float values[VECTOR];
#pragma unroll
        for (int i = 0; i < VECTOR; i++) values[i] = pack[i] * factor;
        cut.store(y, index, values);
    });
}
KERNEL(normalize)
