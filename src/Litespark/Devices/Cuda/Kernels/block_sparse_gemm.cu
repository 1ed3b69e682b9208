#include "device.cuh"
#include "tensor_core.cuh"
#include "fragments.cuh"
#include "gemm.cuh"
#include "swizzled_tile.cuh"
#include "gemm_steps.cuh"
#include "block_grid.cuh"
// variants: OUTPUT=bf16 BIAS=bf16 TRANSPOSE_A=0 TRANSPOSE_B=1 TILE_M=128 TILE_N=128 TILE_K=32 STAGES=4 WARPS_M=2 WARPS_N=4 ALIGNED_A=1 ALIGNED_B=1; OUTPUT=bf16 BIAS=bf16 TRANSPOSE_A=0 TRANSPOSE_B=0 TILE_M=128 TILE_N=128 TILE_K=32 STAGES=4 WARPS_M=2 WARPS_N=4 ALIGNED_A=1 ALIGNED_B=1
// variants: OUTPUT=bf16 BIAS=bf16 TRANSPOSE_A=0 TRANSPOSE_B=1 TILE_M=64 TILE_N=64 TILE_K=32 STAGES=4 WARPS_M=2 WARPS_N=2 ALIGNED_A=1 ALIGNED_B=1; OUTPUT=bf16 BIAS=bf16 TRANSPOSE_A=0 TRANSPOSE_B=0 TILE_M=64 TILE_N=64 TILE_K=32 STAGES=4 WARPS_M=2 WARPS_N=2 ALIGNED_A=1 ALIGNED_B=1
// variants: OUTPUT=float BIAS=float TRANSPOSE_A=0 TRANSPOSE_B=1 TILE_M=64 TILE_N=64 TILE_K=32 STAGES=4 WARPS_M=2 WARPS_N=2 ALIGNED_A=0 ALIGNED_B=0; OUTPUT=float BIAS=float TRANSPOSE_A=0 TRANSPOSE_B=0 TILE_M=64 TILE_N=64 TILE_K=32 STAGES=4 WARPS_M=2 WARPS_N=2 ALIGNED_A=0 ALIGNED_B=0

// y[tokens, ·] = alpha · x · Wᵀ (TRANSPOSE_B = 1) or alpha · x · W (+ bias on every row) (+ y) over the live blocks of W, which lies densely.
// The columns of y fall into the blocks of one axis of the grid, and the steps along K go through the live blocks of the other.

// The operands of a tile, step by step through the live blocks.
struct LiveSteps
{
    const bf16 *x, *w; // x at the tile's first row; w at its first row (TRANSPOSE_B) or column
    long long x_stride, w_stride;
    const BlockGrid& grid;
    const int *next, *end; // the list of live blocks
    int rows, columns, start, depth, at;

    __device__ __forceinline__ bool more() const { return next < end; }

    // Begins with the next block of the list.
    __device__ __forceinline__ void enter()
    {
        at = 0;
        if (next == end) return;
        const int block = *next;
        start = TRANSPOSE_B ? grid.column_start(block) : grid.row_start(block);
        depth = (TRANSPOSE_B ? grid.column_start(block + 1) : grid.row_start(block + 1)) - start;
    }

    // Loads a step into a stage and goes to the next.
    __device__ __forceinline__ void load(bf16* stage)
    {
        const int from = start + at, left = depth - at;
        TileA::load(stage, x + from, x_stride, rows, left);
        if (TRANSPOSE_B) TileB::load(stage + TileA::Length, w + from, w_stride, columns, left);
        else TileB::load(stage + TileA::Length, w + from * w_stride, w_stride, left, columns);
        at += TILE_K;
        if (at < depth) return;
        next++;
        enter();
    }
};

// Grid: tiles of tokens × blocks of y's columns × tiles_in_block (whole blocks in tiles; a tile that a lower or narrower block has not is left
// out). Block: Threads. Shared memory: STAGES stages. A block of y's columns without a live block gets bias and y alone.
extern "C" __global__ void __launch_bounds__(Threads, BlocksAtOnce) block_sparse_gemm(
    const bf16* x, const bf16* w, output* y, const bias_element* bias, const int* row_starts, const int* topology,
    int tokens, int row_blocks, int column_blocks, int block_columns, int weight_columns, int tiles_in_block,
    long long x_stride, long long w_stride, long long y_stride, float alpha, int accumulate, int vectors)
{
    SHARED_MEMORY(bf16, stages);
    const BlockGrid grid = {row_starts, topology, row_blocks, column_blocks, block_columns, weight_columns};
    const TilePosition tile(blockIdx.x, tokens, (TRANSPOSE_B ? row_blocks : column_blocks) * tiles_in_block * TILE_N, TILE_M, TILE_N);
    const int number = tile.column / TILE_N, block = number / tiles_in_block;
    const int column = (TRANSPOSE_B ? grid.row_start(block) : grid.column_start(block)) + number % tiles_in_block * TILE_N;
    const int column_end = TRANSPOSE_B ? grid.row_start(block + 1) : grid.column_start(block + 1);
    if (column >= column_end) return;

    const int* pointers = TRANSPOSE_B ? grid.row_pointers() : grid.column_pointers();
    const int* list = TRANSPOSE_B ? grid.column_indices() : grid.row_indices();
    LiveSteps steps = {x + tile.row * x_stride, w + (TRANSPOSE_B ? column * w_stride : (long long)column), x_stride, w_stride, grid,
        list + pointers[block], list + pointers[block + 1], tokens - tile.row, column_end - column, 0, 0, 0};
    steps.enter();

    float sums[FragmentsM][FragmentsN][4];
    multiply_steps(sums, stages, steps);
    const GemmFinish finish = {y, bias, 0, y_stride, 0, alpha, accumulate != 0, vectors != 0};
    store_sums(sums, stages, finish, tile.row, column, tokens, column_end);
}
KERNEL(block_sparse_gemm)
