#include "device.cuh"
#include "tensor_core.cuh"
#include "fragments.cuh"
#include "gemm.cuh"
#include "swizzled_tile.cuh"
#include "gemm_steps.cuh"
#include "block_grid.cuh"
// variants: OUTPUT=float BIAS=bf16 TRANSPOSE_A=1 TRANSPOSE_B=0 TILE_M=128 TILE_N=128 TILE_K=32 STAGES=4 WARPS_M=2 WARPS_N=4 ALIGNED_A=1 ALIGNED_B=1; OUTPUT=float BIAS=bf16 TRANSPOSE_A=1 TRANSPOSE_B=0 TILE_M=64 TILE_N=64 TILE_K=32 STAGES=4 WARPS_M=2 WARPS_N=2 ALIGNED_A=1 ALIGNED_B=1
// variants: OUTPUT=bf16 BIAS=bf16 TRANSPOSE_A=1 TRANSPOSE_B=0 TILE_M=64 TILE_N=64 TILE_K=32 STAGES=4 WARPS_M=2 WARPS_N=2 ALIGNED_A=0 ALIGNED_B=0

// dW[rows, columns] = aᵀ · b (+ dW) with a [tokens, rows] and b [tokens, columns] in the live blocks of the grid, or in all of them where the
// topology says so. Dead blocks become zero (zero_dead), or stay as they are.

// The operands of a tile, step by step through the tokens.
struct TokenSteps
{
    const bf16 *a, *b; // at the tile's first row and column
    long long a_stride, b_stride;
    int rows, columns, tokens; // tokens: those that are left

    __device__ __forceinline__ bool more() const { return tokens > 0; }

    __device__ __forceinline__ void load(bf16* stage)
    {
        TileA::load(stage, a, a_stride, tokens, rows);
        TileB::load(stage + TileA::Length, b, b_stride, tokens, columns);
        a += TILE_K * a_stride;
        b += TILE_K * b_stride;
        tokens -= TILE_K;
    }
};

// Grid: blocks of the matrix, row by row, × tiles_down × tiles_right (a whole block in tiles); those of dead blocks leave at once.
// Block: Threads. Shared memory: STAGES stages.
extern "C" __global__ void __launch_bounds__(Threads, BlocksAtOnce) block_sparse_weight_gradient(
    const bf16* a, const bf16* b, output* dw, const int* row_starts, const int* topology,
    int tokens, int row_blocks, int column_blocks, int block_columns, int weight_columns, int tiles_down, int tiles_right,
    long long a_stride, long long b_stride, long long dw_stride, int accumulate, int zero_dead, int vectors)
{
    SHARED_MEMORY(bf16, stages);
    const BlockGrid grid = {row_starts, topology, row_blocks, column_blocks, block_columns, weight_columns};
    const int tile = blockIdx.x % (tiles_down * tiles_right), block = blockIdx.x / (tiles_down * tiles_right), i = block / column_blocks, j = block % column_blocks;
    const int row = grid.row_start(i) + tile / tiles_right * TILE_M, column = grid.column_start(j) + tile % tiles_right * TILE_N;
    const int row_end = grid.row_start(i + 1), column_end = grid.column_start(j + 1);
    if (row >= row_end || column >= column_end) return;
    const bool is_live = grid.wants_dense_gradients() || grid.is_live(i, j);
    if (!is_live && !zero_dead) return;

    // A dead block has no tokens to sum over: what is stored is zero.
    TokenSteps steps = {a + row, b + column, a_stride, b_stride, row_end - row, column_end - column, is_live ? tokens : 0};
    float sums[FragmentsM][FragmentsN][4];
    multiply_steps(sums, stages, steps);
    const GemmFinish finish = {dw, 0, 0, dw_stride, 0, 1.0f, accumulate != 0 && is_live, vectors != 0};
    store_sums(sums, stages, finish, row, column, row_end, column_end);
}
KERNEL(block_sparse_weight_gradient)
