#include "device.cuh"
#include "packs.cuh"
#include "teams.cuh"
#include "block_grid.cuh"
#include "block_packs.cuh"

// variants: ELEMENT=bf16 VECTOR=8 TEAM=256 THREADS=256; ELEMENT=float VECTOR=4 TEAM=256 THREADS=256; ELEMENT=bf16 VECTOR=1 TEAM=256 THREADS=256

// What is done with the blocks of a matrix [rows, columns] by themselves. Grid: blocks of the matrix, row by row; a block of threads is one team.
typedef ELEMENT element;

template <class Term> __device__ inline double block_sum(const BlockGrid& grid, const element* x, int64 stride, Term term)
{
    double sum = 0;
    for_block_packs(grid, stride, [&](int64 at) {
        const Pack<element> pack = load_pack(x + at);
        float part = 0;
#pragma unroll
        for (int i = 0; i < VECTOR; i++) part += term(pack[i]);
        sum += part;
    });
    return team_sum(sum);
}

// norms[block] = mean of |x| over the block, live or dead.
extern "C" __global__ void __launch_bounds__(THREADS) block_norms(
    const element* x, float* norms, const int* row_starts, const int* topology, int row_blocks, int column_blocks, int block_columns, int columns, int64 stride)
{
    const BlockGrid grid = {row_starts, topology, row_blocks, column_blocks, block_columns, columns};
    const double sum = block_sum(grid, x, stride, [](float value) { return fabsf(value); });
    if (threadIdx.x == 0) norms[blockIdx.x] = (float)(sum / elements_of(grid));
}
KERNEL(block_norms)

// parts[block] = Σ x² over the block, 0 if it is dead; reductions.cu's `total` adds them up.
extern "C" __global__ void __launch_bounds__(THREADS) block_sparse_sum_of_squares(
    const element* x, double* parts, const int* row_starts, const int* topology, int row_blocks, int column_blocks, int block_columns, int columns, int64 stride)
{
    const BlockGrid grid = {row_starts, topology, row_blocks, column_blocks, block_columns, columns};
    if (!is_own_block_live(grid))
    {
        if (threadIdx.x == 0) parts[blockIdx.x] = 0;
        return;
    }

    const double sum = block_sum(grid, x, stride, [](float value) { return value * value; });
    if (threadIdx.x == 0) parts[blockIdx.x] = sum;
}
KERNEL(block_sparse_sum_of_squares)

// x = 0 in dead blocks.
extern "C" __global__ void __launch_bounds__(THREADS) zero_dead_blocks(
    element* x, const int* row_starts, const int* topology, int row_blocks, int column_blocks, int block_columns, int columns, int64 stride)
{
    const BlockGrid grid = {row_starts, topology, row_blocks, column_blocks, block_columns, columns};
    if (is_own_block_live(grid)) return;
    const float zeros[VECTOR] = {};
    for_block_packs(grid, stride, [&](int64 at) { store_pack(x + at, to_pack<element>(zeros)); });
}
KERNEL(zero_dead_blocks)
