#include "device.cuh"
#include "packs.cuh"
#include "teams.cuh"
#include "block_grid.cuh"
#include "block_packs.cuh"

// variants: ELEMENT=bf16 VECTOR=8 TEAM=256 THREADS=256; ELEMENT=float VECTOR=4 TEAM=256 THREADS=256; ELEMENT=bf16 VECTOR=1 TEAM=256 THREADS=256
// variants: ELEMENT=float VECTOR=1 TEAM=1 THREADS=256; ELEMENT=float VECTOR=4 TEAM=16 THREADS=256; ELEMENT=bf16 VECTOR=8 TEAM=32 THREADS=256

// What is done with the blocks of a matrix [rows, columns] by themselves, a team each. Grid: blocks of the matrix / teams.
typedef ELEMENT element;

template <class Term> __device__ inline double sum_of_block(const TeamBlock& block, const element* x, int64 stride, Term term)
{
    double sum = 0;
    block.for_packs(stride, [&](int64 at) {
        const Pack<element> pack = load_pack(x + at);
        float part = 0;
#pragma unroll
        for (int i = 0; i < VECTOR; i++) part += term(pack[i]);
        sum += part;
    });
    return sum;
}

// norms[block] = mean of |x| over the block, live or dead.
extern "C" __global__ void __launch_bounds__(THREADS) block_norms(
    const element* x, float* norms, const int* row_starts, const int* topology, int row_blocks, int column_blocks, int block_columns, int columns, int64 stride)
{
    const BlockGrid grid = {row_starts, topology, row_blocks, column_blocks, block_columns, columns};
    const TeamBlock block(grid);
    const double sum = team_sum(sum_of_block(block, x, stride, [](float value) { return fabsf(value); }));
    if (team_lane() == 0 && block.exists()) norms[block.number] = (float)(sum / (block.rows * block.columns));
}
KERNEL(block_norms)

// parts[block of threads] = Σ x² over its live blocks; reductions.cu's `total` adds them up.
extern "C" __global__ void __launch_bounds__(THREADS) block_sparse_sum_of_squares(
    const element* x, double* parts, const int* row_starts, const int* topology, int row_blocks, int column_blocks, int block_columns, int columns, int64 stride)
{
    const BlockGrid grid = {row_starts, topology, row_blocks, column_blocks, block_columns, columns};
    const TeamBlock block(grid);
    double sum = 0;
    if (block.is_live(grid)) sum = sum_of_block(block, x, stride, [](float value) { return value * value; });
    sum = team_sum(sum);
    SHARED_ARRAY(double, sums, team_count);
    if (team_lane() == 0) sums[team_index()] = sum;
    __syncthreads();
    if (threadIdx.x != 0) return;
    for (int team = 1; team < team_count; team++) sum += sums[team];
    parts[blockIdx.x] = sum;
}
KERNEL(block_sparse_sum_of_squares)

// x = 0 in dead blocks; not where x is a gradient that the topology wants of all blocks.
extern "C" __global__ void __launch_bounds__(THREADS) zero_dead_blocks(
    element* x, int is_gradient, const int* row_starts, const int* topology, int row_blocks, int column_blocks, int block_columns, int columns, int64 stride)
{
    const BlockGrid grid = {row_starts, topology, row_blocks, column_blocks, block_columns, columns};
    const TeamBlock block(grid);
    if (block.is_live(grid) || (is_gradient && grid.wants_dense_gradients())) return;
    const float zeros[VECTOR] = {};
    block.for_packs(stride, [&](int64 at) { store_pack(x + at, to_pack<element>(zeros)); });
}
KERNEL(zero_dead_blocks)

// x = the mean over the live blocks of the same block row, in dead blocks; means[block] of all of them. Every team adds its row up in the same order.
extern "C" __global__ void __launch_bounds__(THREADS) fill_dead_blocks(
    element* x, const float* means, const int* row_starts, const int* topology, int row_blocks, int column_blocks, int block_columns, int columns, int64 stride)
{
    const BlockGrid grid = {row_starts, topology, row_blocks, column_blocks, block_columns, columns};
    const TeamBlock block(grid);
    if (!block.exists() || block.is_live(grid)) return;
    double sum = 0, width = 0;
    for (int at = grid.row_pointers()[block.i]; at < grid.row_pointers()[block.i + 1]; at++)
    {
        const int j = grid.column_indices()[at], columns_of = grid.column_start(j + 1) - grid.column_start(j);
        sum += (double)means[(int64)block.i * column_blocks + j] * columns_of;
        width += columns_of;
    }

    float mean[VECTOR];
#pragma unroll
    for (int i = 0; i < VECTOR; i++) mean[i] = width == 0 ? 0 : (float)(sum / width);
    block.for_packs(stride, [&](int64 at) { store_pack(x + at, to_pack<element>(mean)); });
}
KERNEL(fill_dead_blocks)
