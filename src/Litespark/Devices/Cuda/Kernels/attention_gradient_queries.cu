#include "device.cuh"
#include "tensor_core.cuh"
#include "fragments.cuh"
#include "attention.cuh"
#include "attention_key_walk.cuh"
// variants: HEAD_DIM=48 QUERY_TILE=128 KEY_TILE=32 STAGES=2 WARPS=4 PATTERN=0; HEAD_DIM=64 QUERY_TILE=128 KEY_TILE=32 STAGES=2 WARPS=4 PATTERN=0; HEAD_DIM=80 QUERY_TILE=128 KEY_TILE=32 STAGES=2 WARPS=4 PATTERN=0; HEAD_DIM=96 QUERY_TILE=128 KEY_TILE=32 STAGES=2 WARPS=4 PATTERN=0; HEAD_DIM=128 QUERY_TILE=64 KEY_TILE=64 STAGES=2 WARPS=4 PATTERN=0; HEAD_DIM=128 QUERY_TILE=64 KEY_TILE=32 STAGES=2 WARPS=4 PATTERN=0; HEAD_DIM=256 QUERY_TILE=64 KEY_TILE=32 STAGES=2 WARPS=4 PATTERN=0; HEAD_DIM=256 QUERY_TILE=32 KEY_TILE=32 STAGES=1 WARPS=2 PATTERN=0
// variants: HEAD_DIM=48 QUERY_TILE=128 KEY_TILE=32 STAGES=2 WARPS=4 PATTERN=1; HEAD_DIM=64 QUERY_TILE=128 KEY_TILE=32 STAGES=2 WARPS=4 PATTERN=1; HEAD_DIM=96 QUERY_TILE=64 KEY_TILE=32 STAGES=2 WARPS=4 PATTERN=1; HEAD_DIM=128 QUERY_TILE=64 KEY_TILE=64 STAGES=2 WARPS=4 PATTERN=1; HEAD_DIM=128 QUERY_TILE=64 KEY_TILE=32 STAGES=2 WARPS=4 PATTERN=1; HEAD_DIM=256 QUERY_TILE=64 KEY_TILE=32 STAGES=2 WARPS=4 PATTERN=1; HEAD_DIM=256 QUERY_TILE=32 KEY_TILE=32 STAGES=1 WARPS=2 PATTERN=1
// variants (sm_90a): HEAD_DIM=96 QUERY_TILE=128 KEY_TILE=32 STAGES=2 WARPS=4 PATTERN=1

// dQ. A block has QUERY_TILE queries of one head, each of its WARPS warps whole rows of them, and goes through the keys that some of
// them see, KEY_TILE at a time: S = Q·Kᵀ, P = exp(S − lse), dP = dO·Vᵀ, dS = P ∘ (dP − delta), dQ += dS·K. S and dP are computed a
// second time here (after attention_gradient_keys), which costs two products of seven, but no block then adds to what another one
// sums, and the order of every sum is fixed. STAGES (1 or 2) tiles of keys are in flight.
constexpr int Threads = 32 * WARPS, R = QUERY_TILE / (16 * WARPS), KeyFragments = KEY_TILE / 8;
constexpr int StageLength = 2 * Tile::Length(KEY_TILE);
static_assert(QUERY_TILE % (16 * WARPS) == 0 && KEY_TILE % 16 == 0, "warps take whole fragments");

// Grid: query tiles · heads · sequences. Shared memory: 2 QUERY_TILE rows of a tile and STAGES stages.
extern "C" __global__ void __launch_bounds__(Threads, 1) attention_gradient_queries(
    const bf16* q, const bf16* k, const bf16* v, const bf16* gradient, const float* log_sum_exp, const float* delta,
    const int* starts, bf16* dq, int tokens, int heads, int group, int window, float scale,
    long long q_stride, long long k_stride, long long v_stride, long long gradient_stride, long long dq_stride,
    const int* patterns, const uint16* left_out)
{
    SHARED_MEMORY(bf16, memory);
    bf16 *q_tile = memory, *gradient_tile = q_tile + Tile::Length(QUERY_TILE), *stages = gradient_tile + Tile::Length(QUERY_TILE);
    // The last queries see the most keys: they go first, so that the shortest blocks fill the end.
    const int tiles = (tokens + QUERY_TILE - 1) / QUERY_TILE, tile = tiles - 1 - blockIdx.x % tiles;
    const int sequence = blockIdx.x / tiles / heads, head = blockIdx.x / tiles % heads;
    const long long token0 = (long long)sequence * tokens;
    const int query0 = tile * QUERY_TILE, query_end = min(query0 + QUERY_TILE, tokens);
    k += token0 * k_stride + head / group * HEAD_DIM;
    v += token0 * v_stride + head / group * HEAD_DIM;

    const Mask mask = {starts + token0, tokens, window};
    KeyWalk<R, QUERY_TILE, KEY_TILE> rows(mask, query0, patterns, head, LeftOut(left_out, sequence * heads + head, tokens));
    const TileFragments lane{LaneRows(threadIdx.x % 32)};
    const int warp_row = rows.row - query0;
    const float scale2 = scale * Log2E;

    float sums[R][Dim / 8][4], row_lse[R][2], row_delta[R][2];
    clear(sums);
    #pragma unroll
    for (int i = 0; i < R; i++)
        #pragma unroll
        for (int h = 0; h < 2; h++)
        {
            const int token = rows.row + i * 16 + h * 8 + threadIdx.x % 32 / 4;
            const long long at = ((long long)sequence * heads + head) * tokens + min(token, tokens - 1);
            row_lse[i][h] = log_sum_exp[at] * Log2E;
            row_delta[i][h] = delta[at];
        }

    auto load_keys = [&](int key, int stage)
    {
        bf16* target = stages + stage * StageLength;
        load_rows<KEY_TILE, Threads>(target, k + key * k_stride, k_stride, tokens - key);
        load_rows<KEY_TILE, Threads>(target + Tile::Length(KEY_TILE), v + key * v_stride, v_stride, tokens - key);
    };

    load_rows<QUERY_TILE, Threads>(q_tile, q + (token0 + query0) * q_stride + head * HEAD_DIM, q_stride, query_end - query0);
    load_rows<QUERY_TILE, Threads>(gradient_tile, gradient + (token0 + query0) * gradient_stride + head * HEAD_DIM, gradient_stride, query_end - query0);
    int key = rows.from(rows.block_lowest / KEY_TILE * KEY_TILE);
    if (STAGES > 1) load_keys(key, 0);
    commit_copies();
    for (int stage = 0; key < query_end; key = rows.after(key), stage = (stage + 1) % STAGES)
    {
        const bool live = rows.sees(key);
        const int next = rows.from(key + KEY_TILE);
        if (STAGES == 1)
        {
            __syncthreads();
            load_keys(key, stage);
            commit_copies();
        }

        wait_copies<0>();
        __syncthreads();
        if (STAGES > 1 && next < query_end)
        {
            load_keys(next, (stage + 1) % STAGES);
            commit_copies();
        }

        if (!live) continue;
        const bf16 *k_tile = stages + stage * StageLength, *v_tile = k_tile + Tile::Length(KEY_TILE);
        float weights[R][KeyFragments][4], gradients[R][KeyFragments][4];
        clear(weights);
        multiply_rows(weights, q_tile, warp_row, k_tile, lane);
        rows.hide(weights, key);
        clear(gradients);
        multiply_rows(gradients, gradient_tile, warp_row, v_tile, lane);
        #pragma unroll
        for (int i = 0; i < R; i++)
            #pragma unroll
            for (int j = 0; j < KeyFragments; j++)
                #pragma unroll
                for (int e = 0; e < 4; e++)
                    gradients[i][j][e] = fast_exp2(weights[i][j][e] * scale2 - row_lse[i][e / 2]) * (gradients[i][j][e] - row_delta[i][e / 2]);
        multiply_weights(sums, gradients, k_tile, 0, lane);
    }

    wait_copies<0>();
    float factors[R][2];
    #pragma unroll
    for (int i = 0; i < R; i++) factors[i][0] = factors[i][1] = scale;
    store_rows(sums, factors, q_tile + warp_row * Tile::Stride, dq + (token0 + rows.row) * dq_stride + head * HEAD_DIM, dq_stride, tokens - rows.row, 0);
}
KERNEL(attention_gradient_queries)
