#include "device.cuh"
#include "tensor_core.cuh"
#include "fragments.cuh"
#include "attention.cuh"
// variants: HEAD_DIM=48 KEY_TILE=128 QUERY_TILE=64 STAGES=2 COLUMNS=48; HEAD_DIM=64 KEY_TILE=128 QUERY_TILE=64 STAGES=2 COLUMNS=64; HEAD_DIM=80 KEY_TILE=128 QUERY_TILE=64 STAGES=2 COLUMNS=80; HEAD_DIM=96 KEY_TILE=128 QUERY_TILE=64 STAGES=2 COLUMNS=96; HEAD_DIM=96 KEY_TILE=64 QUERY_TILE=64 STAGES=2 COLUMNS=96; HEAD_DIM=128 KEY_TILE=128 QUERY_TILE=48 STAGES=2 COLUMNS=128; HEAD_DIM=128 KEY_TILE=64 QUERY_TILE=32 STAGES=2 COLUMNS=128; HEAD_DIM=256 KEY_TILE=64 QUERY_TILE=16 STAGES=2 COLUMNS=128; HEAD_DIM=256 KEY_TILE=32 QUERY_TILE=32 STAGES=1 COLUMNS=128
// variants (sm_90a): HEAD_DIM=256 KEY_TILE=64 QUERY_TILE=32 STAGES=2 COLUMNS=128

// dK and dV. A block has KEY_TILE keys of one key head, each warp 16 of them, and goes through the queries that see them, QUERY_TILE
// at a time, of one query head of the group after the other: sums have one order. With the keys as rows, the weights come out of
// their product as what the next one takes: Sᵀ = K·Qᵀ, Pᵀ = exp(Sᵀ − lse), dV += Pᵀ·dO, dPᵀ = V·dOᵀ, dSᵀ = Pᵀ ∘ (dPᵀ − delta),
// dK += dSᵀ·Q. STAGES (1 or 2) tiles of queries are in flight. A block sums COLUMNS columns: all, unless registers don't suffice.
constexpr int Warps = KEY_TILE / 16, Threads = 32 * Warps, QueryFragments = QUERY_TILE / 8, Parts = (Dim + COLUMNS - 1) / COLUMNS;
static_assert(KEY_TILE % 16 == 0 && QUERY_TILE % 16 == 0 && COLUMNS % 16 == 0, "warps take whole fragments");

// A stage: queries, output gradients, and of each query its log-sum-exp, its delta and its first key.
constexpr int StageLength = 2 * Tile::Length(QUERY_TILE) + 3 * QUERY_TILE * 2;

// Grid: key tiles · key heads · sequences · Parts. Shared memory: 2 KEY_TILE rows of a tile and STAGES stages.
extern "C" __global__ void __launch_bounds__(Threads) attention_gradient_keys(
    const bf16* q, const bf16* k, const bf16* v, const bf16* gradient, const float* log_sum_exp, const float* delta,
    const int* starts, const int* ends, const int* highest, bf16* dk, bf16* dv,
    int tokens, int heads, int group, int window, float scale,
    long long q_stride, long long k_stride, long long v_stride, long long gradient_stride, long long dk_stride, long long dv_stride)
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

    // Step s: tile first + s mod count of query head s / count of the group.
    const int first = key0 / QUERY_TILE, count = (ends[(long long)sequence * tiles + tile] + QUERY_TILE - 1) / QUERY_TILE - first, steps = count * group;
    auto load_step = [&](int step)
    {
        bf16* stage = stages + step % STAGES * StageLength;
        const int head = key_head * group + step / count, query = (first + step % count) * QUERY_TILE, live = tokens - query;
        load_rows<QUERY_TILE, Threads>(stage, q + (token0 + query) * q_stride + head * HEAD_DIM, q_stride, live);
        load_rows<QUERY_TILE, Threads>(stage + Tile::Length(QUERY_TILE), gradient + (token0 + query) * gradient_stride + head * HEAD_DIM, gradient_stride, live);
        float* rows = (float*)(stage + 2 * Tile::Length(QUERY_TILE));
        const long long row = ((long long)sequence * heads + head) * tokens + query;
        for (int i = threadIdx.x; i < QUERY_TILE; i += Threads)
        {
            copy_word_async(rows + i, i < live ? log_sum_exp + row + i : log_sum_exp, i < live);
            copy_word_async(rows + QUERY_TILE + i, i < live ? delta + row + i : delta, i < live);
            ((int*)rows)[2 * QUERY_TILE + i] = i < live ? mask.first(query + i) : 0x7FFFFFFF;
        }
    };

    load_rows<KEY_TILE, Threads>(k_tile, k + (token0 + key0) * k_stride + key_head * HEAD_DIM, k_stride, live_keys);
    load_rows<KEY_TILE, Threads>(v_tile, v + (token0 + key0) * v_stride + key_head * HEAD_DIM, v_stride, live_keys);
    if (STAGES > 1) load_step(0);
    commit_copies();
    for (int step = 0; step < steps; step++)
    {
        if (STAGES == 1)
        {
            __syncthreads();
            load_step(step);
            commit_copies();
        }

        wait_copies<0>();
        __syncthreads();
        if (STAGES > 1 && step + 1 < steps)
        {
            load_step(step + 1);
            commit_copies();
        }

        const int query_tile = first + step % count, query = query_tile * QUERY_TILE, key = key0 + warp_row;
        const bf16 *q_tile = stages + step % STAGES * StageLength, *gradient_tile = q_tile + Tile::Length(QUERY_TILE);
        const float* rows = (const float*)(gradient_tile + Tile::Length(QUERY_TILE));
        if (query + QUERY_TILE <= key) continue; // the warp's keys come after all these queries

        float weights[1][QueryFragments][4], gradients[1][QueryFragments][4];
        clear(weights);
        multiply_rows(weights, k_tile, warp_row, q_tile, fragments);
        const bool all = query >= key + 15 && highest[query_tile] <= key && query + QUERY_TILE <= tokens;
        #pragma unroll
        for (int j = 0; j < QueryFragments; j++)
        {
            const int column = j * 8 + lane % 4 * 2;
            #pragma unroll
            for (int e = 0; e < 4; e++)
            {
                const int at = column + e % 2, own = key + e / 2 * 8 + lane / 4;
                const bool seen = all || (own >= ((const int*)rows)[2 * QUERY_TILE + at] && own <= query + at);
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
