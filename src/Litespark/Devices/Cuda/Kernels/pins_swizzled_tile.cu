#include "pins.cuh"
#include "tensor_core.cuh"
#include "fragments.cuh"
#include "swizzled_tile.cuh"
// variants: WIDTH=32 ALIGNED=1; WIDTH=64 ALIGNED=1; WIDTH=64 ALIGNED=0

// A tile [64, WIDTH] of a matrix whose rows lie 72 elements apart, with 50 rows and WIDTH − 5 columns that exist; then operands out of it,
// four for each of four warps.
PIN(pin_swizzled_tile)
{
    typedef SwizzledTile<64, WIDTH, 128, ALIGNED> Tile;
    SHARED_ARRAY(bf16, tile, Tile::Length);
    Tile::load(tile, (const bf16*)in, 72, 50, WIDTH - 5);
    commit_copies();
    wait_copies<0>();
    __syncthreads();
    const int lane = lane_index(), warp = warp_index();
    const LaneRows rows(lane);
    unsigned operands[4][4];
    Tile::load_a(operands[0], tile, rows, 16 * warp, 16);
    Tile::load_a_transposed(operands[1], tile, rows, 16, 16 * warp);
    Tile::load_b(operands[2], tile, rows, 16 * warp, 16);
    Tile::load_b_transposed(operands[3], tile, rows, 16, 16 * warp);
    #pragma unroll
    for (int k = 0; k < 4; k++)
        #pragma unroll
        for (int i = 0; i < 4; i++) out[(4 * warp + k) * 128 + 4 * lane + i] = operands[k][i];
}
KERNEL(pin_swizzled_tile)
