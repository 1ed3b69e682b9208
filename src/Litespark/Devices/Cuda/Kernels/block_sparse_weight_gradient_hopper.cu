#include "device.cuh"
#include "tensor_core.cuh"
#include "hopper.cuh"
#include "gemm.cuh"
#include "block_grid.cuh"
#include "hopper_ring.cuh"
#include "hopper_sums.cuh"
#include "tile_pairs.cuh"
// variants (sm_90a alone): OUTPUT=float BIAS=float TILE_M=128 TILE_N=256 STAGES=4; OUTPUT=bf16 BIAS=float TILE_M=128 TILE_N=256 STAGES=4

// As block_sparse_weight_gradient.cu: dW[rows, columns] = aᵀ · b (+ dW) with a [tokens, rows] and b [tokens, columns] in the live blocks of the
// grid, or in all, by Hopper's copy engine and warpgroup products; dead blocks stay as they are. Blocks are equal, and whole tiles of 128 both
// ways. Tiles come in pairs, as wide as the ring's, or alone; each of the two warpgroups computes half of the rows.
static_assert(TILE_M == TileSide && TILE_N == 2 * TileSide, "a pair has one tile's rows");
constexpr int TileBytes = TileSide * RowBytes, GroupSums = FRAGMENTS * 64 * GroupThreads;

// One thread: draws pieces of work, and fills stages with their steps.
__device__ __forceinline__ void produce(const TilePairs& pairs, const PairCut& cut, Ring ring, const TensorMap& a, const TensorMap& b, int* counter)
{
    const int all = cut.pieces();
    for (int piece = draw_tile(counter, all), next; piece < all; piece = next)
    {
        const TilePair pair = pairs[cut.pair(piece)];
        const int steps = pair.column < 0 ? 0 : cut.length(piece);
        if (steps == 0) next = draw_tile(counter, all);
        for (int step = 0, token = cut.begin(piece) * Step; step < steps; step++, token += Step)
        {
            // Late, so that whoever is free gets a piece, and early enough to be known when this one's stages are filled.
            if (step == max(steps - STAGES, 0)) next = draw_tile(counter, all);
            ring.wait_empty();
            if (step == 0) ring.tiles[ring.stage] = {pair.row, pair.column, steps, pair.second, cut.part(piece)};
            uint64* const full = ring.full + ring.stage;
            mbarrier_expect(full, pair.second < 0 ? StageBytes - TileBytes : StageBytes);
            #pragma unroll
            for (int panel = 0; panel < TileSide / Step; panel++)
            {
                load_box(ring.a() + panel * Step * RowBytes, a, pair.row + panel * Step, token, full);
                load_box(ring.b() + panel * Step * RowBytes, b, pair.column + panel * Step, token, full);
                if (pair.second >= 0) load_box(ring.b() + TileBytes + panel * Step * RowBytes, b, pair.second + panel * Step, token, full);
            }

            ring.advance();
        }
    }

    ring.end();
}

// A thread's place among a warpgroup's sums of a part, which lie as the threads hold them: four of each thread in turns.
__device__ __forceinline__ float* held_sums(float* parts, int part, int group)
{
    return parts + ((long long)part * Consumers + group) * GroupSums + threadIdx.x % GroupThreads * 4;
}

// A warpgroup's 64 rows of a pair (Tiles = 2) or of a single tile. The sums go to dW, or to `part`.
template <int Tiles>
__device__ __forceinline__ void compute(Ring& ring, const RingTile& tile, const GemmFinish& finish, int group, int row_end, int column_end, float* part)
{
    float sums[Tiles][64];
    multiply_tile<1, 1>(sums, ring, tile.steps);
    if (!part) return store_tile(sums, ring.staged, finish, tile.row + group * GroupRows, tile.column, tile.second, row_end, column_end);
    #pragma unroll
    for (int t = 0; t < Tiles; t++)
        #pragma unroll
        for (int i = 0; i < 64; i += 4)
            store16(part + (t * 64 + i) * GroupThreads, make_uint4(__float_as_uint(sums[t][i]), __float_as_uint(sums[t][i + 1]), __float_as_uint(sums[t][i + 2]), __float_as_uint(sums[t][i + 3])));
}

// Grid: workers, as many blocks as run at once. Block: RingThreads. Shared memory: Ring's (HopperTile.cs). Boxes of a and b: Step columns, Step rows.
// counter: zero before the launch, and after it. parts [room, Consumers, GroupSums] are left to add_up_weight_gradient, which is launched next.
extern "C" __global__ void __launch_bounds__(RingThreads, 1) block_sparse_weight_gradient_hopper(
    const __grid_constant__ TensorMap a, const __grid_constant__ TensorMap b, output* dw, const int* topology, int* counter, float* parts,
    int tokens, int row_blocks, int column_blocks, int block_rows, int block_columns, long long dw_stride, int accumulate, int room)
{
    SHARED_MEMORY(unsigned char, shared);
    Ring ring(shared);
    ring.init();
    const int group = threadIdx.x / GroupThreads;
    if (group == Consumers)
    {
        give_registers<40>();
        if (threadIdx.x % GroupThreads > 0) return;
        const TilePairs pairs = TilePairs::of(topology, row_blocks, column_blocks, block_rows, block_columns);
        produce(pairs, PairCut(pairs.count(), ceiling_division(tokens, Step), gridDim.x, room), ring, a, b, counter);
        return;
    }

    get_registers<232>();
    const GemmFinish finish = {dw, 0, 0, dw_stride, 0, 1.0f, accumulate != 0, true};
    const int rows = row_blocks * block_rows, columns = column_blocks * block_columns;
    for (;;)
    {
        ring.wait_full();
        const RingTile tile = ring.tiles[ring.stage];
        if (tile.steps == 0) break;
        float* const part = tile.part < 0 ? 0 : held_sums(parts, tile.part, group);
        if (tile.second >= 0) compute<2>(ring, tile, finish, group, rows, columns, part);
        else compute<1>(ring, tile, finish, group, rows, columns, part);
    }
}
KERNEL(block_sparse_weight_gradient_hopper)

// Grid: 2 · Consumers for each of the workers but one, of whose pairs there may be parts. Block: GroupThreads. Shared memory: StagedBytes for each warp.
extern "C" __global__ void __launch_bounds__(GroupThreads) add_up_weight_gradient(
    float* parts, output* dw, const int* topology, int tokens, int row_blocks, int column_blocks, int block_rows, int block_columns,
    long long dw_stride, int accumulate, int workers, int room)
{
    SHARED_MEMORY(float, staged);
    const TilePairs pairs = TilePairs::of(topology, row_blocks, column_blocks, block_rows, block_columns);
    const PairCut cut(pairs.count(), ceiling_division(tokens, Step), workers, room);
    const int number = blockIdx.x / (2 * Consumers), group = blockIdx.x / 2 % Consumers, tile = blockIdx.x % 2;
    if (cut.parts == 1 || number >= cut.rest) return;
    const TilePair pair = pairs[cut.whole + number];
    const int column = tile > 0 ? pair.second : pair.column;
    if (column < 0) return;
    float sums[1][64];
    #pragma unroll
    for (int i = 0; i < 64; i++) sums[0][i] = 0;
    for (int part = 0; part < cut.parts; part++)
    {
        const float* from = held_sums(parts, part * cut.rest + number, group) + tile * 64 * GroupThreads;
        #pragma unroll
        for (int i = 0; i < 64; i += 4)
        {
            const float4 four = *(const float4*)(from + i * GroupThreads);
            sums[0][i] += four.x;
            sums[0][i + 1] += four.y;
            sums[0][i + 2] += four.z;
            sums[0][i + 3] += four.w;
        }
    }

    const GemmFinish finish = {dw, 0, 0, dw_stride, 0, 1.0f, accumulate != 0, true};
    store_tile(sums, staged, finish, pair.row + group * GroupRows, column, 0, row_blocks * block_rows, column_blocks * block_columns);
}
KERNEL(add_up_weight_gradient)
