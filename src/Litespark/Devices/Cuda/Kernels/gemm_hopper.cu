#include "device.cuh"
#include "tensor_core.cuh"
#include "hopper.cuh"
#include "gemm.cuh"
#include "hopper_ring.cuh"
#include "hopper_sums.cuh"
// variants (sm_90a alone): OUTPUT=bf16 BIAS=bf16 TRANSPOSE_A=0 TRANSPOSE_B=1 TILE_M=128 TILE_N=256 STAGES=4; OUTPUT=bf16 BIAS=bf16 TRANSPOSE_A=0 TRANSPOSE_B=0 TILE_M=128 TILE_N=256 STAGES=4
// variants (sm_90a alone): OUTPUT=float BIAS=bf16 TRANSPOSE_A=1 TRANSPOSE_B=0 TILE_M=128 TILE_N=256 STAGES=4; OUTPUT=float BIAS=float TRANSPOSE_A=1 TRANSPOSE_B=1 TILE_M=128 TILE_N=256 STAGES=4
// variants (sm_90a alone): OUTPUT=bf16 BIAS=bf16 TRANSPOSE_A=0 TRANSPOSE_B=1 TILE_M=256 TILE_N=128 STAGES=4; OUTPUT=float BIAS=float TRANSPOSE_A=1 TRANSPOSE_B=0 TILE_M=256 TILE_N=128 STAGES=4
// variants (sm_90a alone): OUTPUT=bf16 BIAS=bf16 TRANSPOSE_A=0 TRANSPOSE_B=0 TILE_M=128 TILE_N=128 STAGES=6; OUTPUT=float BIAS=float TRANSPOSE_A=1 TRANSPOSE_B=0 TILE_M=128 TILE_N=128 STAGES=6

// As gemm.cu: C[M, N] = alpha · op(A) · op(B) (+ bias on every row) (+ C), by Hopper's copy engine and warpgroup products; one product, whose K may
// be split into parts of `each` steps: then C are matrices of partial sums below each other, for gemm_sum.
struct Product
{
    int m, n, k, each;

    __device__ __forceinline__ int steps() const { return ceiling_division(k, Step); }
    __device__ __forceinline__ int tiles() const { return ceiling_division(m, TILE_M) * ceiling_division(n, TILE_N); }
    __device__ __forceinline__ int pieces() const { return tiles() * ceiling_division(steps(), each); }
};

// A step of an operand: `side` rows or columns of the result from `first` on, in one box, or of a transposed one in panels.
template <int Transposed> __device__ __forceinline__ void load_step(unsigned char* to, int side, const TensorMap& operand, int first, int k, uint64* full)
{
    if (!Transposed) return load_box(to, operand, k, first, full);
    #pragma unroll
    for (int panel = 0; panel < side; panel += Step) load_box(to + panel * RowBytes, operand, first + panel, k, full);
}

// One thread: draws tiles, part by part of K, and fills stages with their steps.
__device__ __forceinline__ void produce(const Product& product, Ring ring, const TensorMap& a, const TensorMap& b, int* counter)
{
    // What runs at once is about as high as it is wide.
    constexpr int TileRowsAtOnce = TILE_M < TILE_N ? 16 : 8;
    const int all = product.pieces(), tiles = product.tiles();
    for (int number = draw_tile(counter, all), next; number < all; number = next)
    {
        const int part = number / tiles, begin = part * product.each, steps = min(product.each, product.steps() - begin);
        const TilePosition position(number - part * tiles, product.m, product.n, TILE_M, TILE_N, TileRowsAtOnce);
        for (int step = 0; step < steps; step++)
        {
            // Late, so that whoever is free gets a tile, and early enough to be known when this one's stages are filled.
            if (step == max(steps - STAGES, 0)) next = draw_tile(counter, all);
            ring.wait_empty();
            if (step == 0) ring.tiles[ring.stage] = {position.row, position.column, steps, 0, part};
            uint64* const full = ring.full + ring.stage;
            mbarrier_expect(full, StageBytes);
            load_step<TRANSPOSE_A>(ring.a(), TILE_M, a, position.row, (begin + step) * Step, full);
            load_step<!TRANSPOSE_B>(ring.b(), TILE_N, b, position.column, (begin + step) * Step, full);
            ring.advance();
        }
    }

    ring.end();
}

// Grid: as many blocks as find work at once. Block: RingThreads. Shared memory: Ring's (HopperTile.cs). Boxes of an operand: Step columns, rows as
// many as its side of a tile, or Step where it is transposed (A is [K, M], B is [K, N]). counter: zero before the launch, and after it.
extern "C" __global__ void __launch_bounds__(RingThreads, 1) gemm_hopper(
    const __grid_constant__ TensorMap a, const __grid_constant__ TensorMap b, output* c, const bias_element* bias, int* counter,
    int m, int n, int k, int each, long long c_stride, float alpha, int accumulate)
{
    SHARED_MEMORY(unsigned char, shared);
    Ring ring(shared);
    ring.init();
    const int group = threadIdx.x / GroupThreads;
    if (group == Consumers)
    {
        give_registers<40>();
        if (threadIdx.x % GroupThreads == 0) produce({m, n, k, each}, ring, a, b, counter);
    }
    else
    {
        get_registers<232>();
        float sums[FRAGMENTS][64];
        for (;;)
        {
            ring.wait_full();
            const RingTile tile = ring.tiles[ring.stage];
            if (tile.steps == 0) break;
            multiply_tile<TRANSPOSE_A, !TRANSPOSE_B>(sums, ring, tile.steps);
            const GemmFinish finish = {c + tile.part * (m * c_stride), bias, 0, c_stride, 0, alpha, accumulate != 0, true};
            store_tile(sums, ring.staged, finish, tile.row + group * GroupRows, tile.column, tile.column + 128, m, n);
        }
    }
}
KERNEL(gemm_hopper)
