#include "device.cuh"
#include "tensor_core.cuh"
#include "fragments.cuh"
#include "attention.cuh"
#include "attention_query_walk.cuh"
// variants: HEAD_DIM=48 KEY_TILE=128 QUERY_TILE=64 STAGES=2 COLUMNS=48 PATTERN=0; HEAD_DIM=64 KEY_TILE=128 QUERY_TILE=64 STAGES=2 COLUMNS=64 PATTERN=0; HEAD_DIM=80 KEY_TILE=128 QUERY_TILE=64 STAGES=2 COLUMNS=80 PATTERN=0; HEAD_DIM=96 KEY_TILE=128 QUERY_TILE=64 STAGES=2 COLUMNS=96 PATTERN=0; HEAD_DIM=96 KEY_TILE=64 QUERY_TILE=64 STAGES=2 COLUMNS=96 PATTERN=0; HEAD_DIM=128 KEY_TILE=128 QUERY_TILE=48 STAGES=2 COLUMNS=128 PATTERN=0; HEAD_DIM=128 KEY_TILE=64 QUERY_TILE=32 STAGES=2 COLUMNS=128 PATTERN=0; HEAD_DIM=256 KEY_TILE=64 QUERY_TILE=16 STAGES=2 COLUMNS=128 PATTERN=0; HEAD_DIM=256 KEY_TILE=32 QUERY_TILE=32 STAGES=1 COLUMNS=128 PATTERN=0
// variants (sm_90a): HEAD_DIM=256 KEY_TILE=64 QUERY_TILE=32 STAGES=2 COLUMNS=128 PATTERN=0
// variants: HEAD_DIM=48 KEY_TILE=128 QUERY_TILE=64 STAGES=2 COLUMNS=48 PATTERN=1; HEAD_DIM=64 KEY_TILE=128 QUERY_TILE=64 STAGES=2 COLUMNS=64 PATTERN=1; HEAD_DIM=96 KEY_TILE=128 QUERY_TILE=64 STAGES=2 COLUMNS=96 PATTERN=1; HEAD_DIM=96 KEY_TILE=64 QUERY_TILE=64 STAGES=2 COLUMNS=96 PATTERN=1; HEAD_DIM=128 KEY_TILE=128 QUERY_TILE=32 STAGES=2 COLUMNS=128 PATTERN=1; HEAD_DIM=128 KEY_TILE=64 QUERY_TILE=32 STAGES=2 COLUMNS=128 PATTERN=1; HEAD_DIM=256 KEY_TILE=64 QUERY_TILE=16 STAGES=2 COLUMNS=128 PATTERN=1; HEAD_DIM=256 KEY_TILE=32 QUERY_TILE=32 STAGES=1 COLUMNS=128 PATTERN=1
// variants (sm_90a): HEAD_DIM=256 KEY_TILE=64 QUERY_TILE=32 STAGES=2 COLUMNS=128 PATTERN=1

// dK and dV. A block has KEY_TILE keys of one key head, each warp 16 of them, and goes through the queries that see them, QUERY_TILE
// at a time, of one query head of the group after the other: sums have one order. With the keys as rows, the weights come out of
// their product as what the next one takes: Sᵀ = K·Qᵀ, Pᵀ = exp(Sᵀ − lse), dV += Pᵀ·dO, dPᵀ = V·dOᵀ, dSᵀ = Pᵀ ∘ (dPᵀ − delta),
// dK += dSᵀ·Q. STAGES (1 or 2) tiles of queries are in flight. A block sums COLUMNS columns: all, unless registers don't suffice.
constexpr int Warps = KEY_TILE / 16, Threads = 32 * Warps, QueryFragments = QUERY_TILE / 8, Parts = (Dim + COLUMNS - 1) / COLUMNS;
static_assert(KEY_TILE % 16 == 0 && QUERY_TILE % 16 == 0 && COLUMNS % 16 == 0, "warps take whole fragments");

// A stage: queries, output gradients, and of each query its log-sum-exp, its delta, its first key, and to its pattern its run's start and its remainder.
constexpr int Statistics = PATTERN ? 5 : 3, StageLength = 2 * Tile::Length(QUERY_TILE) + Statistics * QUERY_TILE * 2;

// Grid: key tiles · key heads · sequences · Parts. Shared memory: 2 KEY_TILE rows of a tile and STAGES stages.
extern "C" __global__ void __launch_bounds__(Threads, LeastBlocks) attention_gradient_keys(
    const bf16* q, const bf16* k, const bf16* v, const bf16* gradient, const float* log_sum_exp, const float* delta,
    const int* starts, const int* ends, const int* highest, bf16* dk, bf16* dv,
    int tokens, int heads, int group, int window, float scale,
    long long q_stride, long long k_stride, long long v_stride, long long gradient_stride, long long dk_stride, long long dv_stride,
    const int* patterns, const uint16* left_out)
{
    SHARED_MEMORY(bf16, memory);
    bf16 *k_tile = memory, *v_tile = k_tile + Tile::Length(KEY_TILE), *stages = v_tile + Tile::Length(KEY_TILE);
    const int tiles = (tokens + KEY_TILE - 1) / KEY_TILE, key_heads = heads / group;
    const int part = blockIdx.x % Parts, tile = blockIdx.x / Parts % tiles;
    const int key_head = blockIdx.x / Parts / tiles % key_heads, sequence = blockIdx.x / Parts / tiles / key_heads;
    const long long token0 = (long long)sequence * tokens;
    const int key0 = tile * KEY_TILE, live_keys = min(KEY_TILE, tokens - key0);
    const Mask mask = {starts + token0, tokens, window};
    highest += sequence * ((tokens + QUERY_TILE - 1) / QUERY_TILE);

    const int lane = threadIdx.x % 32, warp_row = threadIdx.x / 32 * 16;
    const TileFragments fragments{LaneRows(lane)};
    const float scale2 = scale * Log2E;
    float dk_sums[1][COLUMNS / 8][4], dv_sums[1][COLUMNS / 8][4];
    clear(dk_sums);
    clear(dv_sums);

    const int first = key0 / QUERY_TILE, count = (ends[(long long)sequence * tiles + tile] + QUERY_TILE - 1) / QUERY_TILE - first, key = key0 + warp_row;
    const QuerySteps steps = {first, count, key_head * group, group};
    QueryWalk<QUERY_TILE, KEY_TILE> walk(steps, highest, key0, key, tokens, patterns, left_out, sequence * heads);
    auto load_step = [&](int step, bf16* stage)
    {
        const int head = steps.head(step), query = steps.tile(step) * QUERY_TILE, live = tokens - query;
        load_rows<QUERY_TILE, Threads>(stage, q + (token0 + query) * q_stride + head * HEAD_DIM, q_stride, live);
        load_rows<QUERY_TILE, Threads>(stage + Tile::Length(QUERY_TILE), gradient + (token0 + query) * gradient_stride + head * HEAD_DIM, gradient_stride, live);
        float* rows = (float*)(stage + 2 * Tile::Length(QUERY_TILE));
        const long long row = ((long long)sequence * heads + head) * tokens + query;
        for (int i = threadIdx.x; i < QUERY_TILE; i += Threads)
        {
            copy_word_async(rows + i, i < live ? log_sum_exp + row + i : log_sum_exp, i < live);
            copy_word_async(rows + QUERY_TILE + i, i < live ? delta + row + i : delta, i < live);
            ((int*)rows)[2 * QUERY_TILE + i] = i < live ? mask.first(query + i) : 0x7FFFFFFF;
            if (PATTERN)
            {
                const Pattern pattern(patterns, head);
                ((int*)rows)[3 * QUERY_TILE + i] = pattern.run_start(query + i);
                ((int*)rows)[4 * QUERY_TILE + i] = pattern.query_remainder(query + i);
            }
        }
    };

    load_rows<KEY_TILE, Threads>(k_tile, k + (token0 + key0) * k_stride + key_head * HEAD_DIM, k_stride, live_keys);
    load_rows<KEY_TILE, Threads>(v_tile, v + (token0 + key0) * v_stride + key_head * HEAD_DIM, v_stride, live_keys);
    int step = walk.from(0);
    if (STAGES > 1) load_step(step, stages);
    commit_copies();
    for (int turn = 0; step < steps.total(); step = walk.after(step), turn = (turn + 1) % STAGES)
    {
        const bool live = walk.sees(step);
        const int next = walk.from(step + 1);
        bf16* stage = stages + turn * StageLength;
        if (STAGES == 1)
        {
            __syncthreads();
            load_step(step, stage);
            commit_copies();
        }

        wait_copies<0>();
        __syncthreads();
        if (STAGES > 1 && next < steps.total())
        {
            load_step(next, stages + (turn + 1) % STAGES * StageLength);
            commit_copies();
        }

        if (!live) continue;
        const int query = steps.tile(step) * QUERY_TILE;
        const bf16 *q_tile = stage, *gradient_tile = stage + Tile::Length(QUERY_TILE);
        const float* rows = (const float*)(stage + 2 * Tile::Length(QUERY_TILE));
        float weights[1][QueryFragments][4], gradients[1][QueryFragments][4];
        clear(weights);
        multiply_rows(weights, k_tile, warp_row, q_tile, fragments);
        const bool whole = walk.sees_all(step);
        int remainders[2];
        if (PATTERN && !whole)
        {
            const Pattern pattern(patterns, steps.head(step));
            for (int h = 0; h < 2; h++) remainders[h] = pattern.key_remainder(key + h * 8 + lane / 4);
        }

        #pragma unroll
        for (int j = 0; j < QueryFragments; j++)
        {
            const int column = j * 8 + lane % 4 * 2;
            #pragma unroll
            for (int e = 0; e < 4; e++)
            {
                const int at = column + e % 2, own = key + e / 2 * 8 + lane / 4;
                bool seen = whole || (own >= ((const int*)rows)[2 * QUERY_TILE + at] && own <= query + at);
                if (PATTERN && !whole && own < ((const int*)rows)[3 * QUERY_TILE + at] && remainders[e / 2] != ((const int*)rows)[4 * QUERY_TILE + at]) seen = false;
                weights[0][j][e] = seen ? fast_exp2(weights[0][j][e] * scale2 - rows[at] * Log2E) : 0.0f;
            }
        }

        multiply_weights(dv_sums, weights, gradient_tile, part * COLUMNS, fragments);
        clear(gradients);
        multiply_rows(gradients, v_tile, warp_row, gradient_tile, fragments);
        #pragma unroll
        for (int j = 0; j < QueryFragments; j++)
            #pragma unroll
            for (int e = 0; e < 4; e++)
                gradients[0][j][e] = weights[0][j][e] * (gradients[0][j][e] - rows[QUERY_TILE + j * 8 + lane % 4 * 2 + e % 2]);
        multiply_weights(dk_sums, gradients, q_tile, part * COLUMNS, fragments);
    }

    wait_copies<0>();
    __syncthreads();
    const float dk_factors[1][2] = {{scale, scale}}, dv_factors[1][2] = {{1.0f, 1.0f}};
    const long long row = token0 + key0 + warp_row;
    store_rows(dk_sums, dk_factors, k_tile + warp_row * Tile::Stride, dk + row * dk_stride + key_head * HEAD_DIM, dk_stride, live_keys - warp_row, part * COLUMNS);
    store_rows(dv_sums, dv_factors, v_tile + warp_row * Tile::Stride, dv + row * dv_stride + key_head * HEAD_DIM, dv_stride, live_keys - warp_row, part * COLUMNS);
}
KERNEL(attention_gradient_keys)
