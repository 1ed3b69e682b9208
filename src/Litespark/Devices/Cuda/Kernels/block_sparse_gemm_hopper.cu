#include "device.cuh"
#include "tensor_core.cuh"
#include "hopper.cuh"
#include "gemm.cuh"
#include "block_grid.cuh"
#include "hopper_ring.cuh"
#include "hopper_sums.cuh"
// variants (sm_90a alone): OUTPUT=bf16 BIAS=bf16 TRANSPOSE_B=1 TILE_M=256 TILE_N=128 STAGES=4; OUTPUT=bf16 BIAS=bf16 TRANSPOSE_B=0 TILE_M=256 TILE_N=128 STAGES=4
// variants (sm_90a alone): OUTPUT=bf16 BIAS=bf16 TRANSPOSE_B=1 TILE_M=128 TILE_N=128 STAGES=6; OUTPUT=bf16 BIAS=bf16 TRANSPOSE_B=0 TILE_M=128 TILE_N=128 STAGES=6
// variants (sm_90a alone): OUTPUT=float BIAS=float TRANSPOSE_B=1 TILE_M=256 TILE_N=128 STAGES=4; OUTPUT=float BIAS=float TRANSPOSE_B=0 TILE_M=128 TILE_N=128 STAGES=6

// As block_sparse_gemm.cu: y[tokens, ·] = alpha · x · Wᵀ (TRANSPOSE_B = 1) or alpha · x · W (+ bias on every row) (+ y) over the live blocks
// of W, by Hopper's copy engine and warpgroup products. Blocks are equal, and whole tiles of 128 both ways.
static_assert(TILE_N == 128, "the columns of a tile are of one block");

struct LiveTiles
{
    BlockGrid grid;
    int tokens, block_rows, block_columns;

    __device__ __forceinline__ int width() const { return TRANSPOSE_B ? block_rows : block_columns; }
    __device__ __forceinline__ int depth() const { return TRANSPOSE_B ? block_columns : block_rows; }
    __device__ __forceinline__ int outputs() const { return TRANSPOSE_B ? grid.row_blocks : grid.column_blocks; }
    __device__ __forceinline__ int columns() const { return outputs() * width(); }
    __device__ __forceinline__ int count() const { return (tokens + TILE_M - 1) / TILE_M * (columns() / TILE_N); }
};

// One thread: draws tiles, and fills stages with their steps.
__device__ __forceinline__ void produce(const LiveTiles& tiles, Ring ring, const TensorMap& x, const TensorMap& w, int* counter)
{
    const BlockGrid& grid = tiles.grid;
    const int* pointers = TRANSPOSE_B ? grid.row_pointers() : grid.column_pointers();
    const int* list = TRANSPOSE_B ? grid.column_indices() : grid.row_indices();
    const int* order = TRANSPOSE_B ? grid.rows_by_length() : grid.columns_by_length();
    const int in_block = tiles.width() / TILE_N, steps_in_block = tiles.depth() / Step, all = tiles.count();
    for (int number = draw_tile(counter, all), next; number < all; number = next)
    {
        // The longest tiles come first among those that share rows of x.
        const TilePosition position(number, tiles.tokens, tiles.columns(), TILE_M, TILE_N);
        const int right = position.column / TILE_N, block = order[right / in_block];
        const int column = block * tiles.width() + right % in_block * TILE_N;
        const int first = pointers[block], live = pointers[block + 1] - first;

        // A tile without live blocks is one step of zeros: what lies outside of both matrices.
        const int steps = live > 0 ? live * steps_in_block : 1, outside = (TRANSPOSE_B ? grid.column_blocks : grid.row_blocks) * tiles.depth();
        int k = 0;
        for (int step = 0; step < steps; step++, k += Step)
        {
            // Late, so that whoever is free gets a tile, and early enough to be known when this one's stages are filled.
            if (step == max(steps - STAGES, 0)) next = draw_tile(counter, all);
            if (step % steps_in_block == 0) k = live > 0 ? list[first + step / steps_in_block] * tiles.depth() : outside;
            ring.wait_empty();
            if (step == 0) ring.tiles[ring.stage] = {position.row, column, steps, -1, -1};
            uint64* const full = ring.full + ring.stage;
            mbarrier_expect(full, StageBytes);
            load_box(ring.a(), x, k, position.row, full);
            if (TRANSPOSE_B) load_box(ring.b(), w, k, column, full);
            else
            {
                load_box(ring.b(), w, column, k, full);
                load_box(ring.b() + Step * RowBytes, w, column + Step, k, full);
            }

            ring.advance();
        }
    }

    ring.end();
}

// Grid: as many blocks as find work at once. Block: RingThreads. Shared memory: Ring's (HopperTile.cs). Boxes of x: Step columns, TILE_M rows; of w:
// Step columns, TILE_N rows (TRANSPOSE_B) or Step rows. counter: zero before the launch, and after it.
extern "C" __global__ void __launch_bounds__(RingThreads, 1) block_sparse_gemm_hopper(
    const __grid_constant__ TensorMap x, const __grid_constant__ TensorMap w, output* y, const bias_element* bias, const int* topology, int* counter,
    int tokens, int row_blocks, int column_blocks, int block_rows, int block_columns, long long y_stride, float alpha, int accumulate)
{
    SHARED_MEMORY(unsigned char, shared);
    Ring ring(shared);
    ring.init();
    const LiveTiles tiles = {{0, topology, row_blocks, column_blocks, block_columns, column_blocks * block_columns}, tokens, block_rows, block_columns};
    const int group = threadIdx.x / GroupThreads;
    if (group == Consumers)
    {
        give_registers<40>();
        if (threadIdx.x % GroupThreads == 0) produce(tiles, ring, x, w, counter);
    }
    else
    {
        get_registers<232>();
        const GemmFinish finish = {y, bias, 0, y_stride, 0, alpha, accumulate != 0, true};
        float sums[FRAGMENTS][64];
        for (;;)
        {
            ring.wait_full();
            const RingTile tile = ring.tiles[ring.stage];
            if (tile.steps == 0) break;
            multiply_tile<0, !TRANSPOSE_B>(sums, ring, tile.steps);
            store_tile(sums, ring.staged, finish, tile.row + group * GroupRows, tile.column, 0, tokens, tiles.columns());
        }
    }
}
KERNEL(block_sparse_gemm_hopper)
