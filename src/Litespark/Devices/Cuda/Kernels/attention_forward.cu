#include "device.cuh"
#include "tensor_core.cuh"
#include "fragments.cuh"
#include "attention.cuh"
#include "attention_key_walk.cuh"
// variants: HEAD_DIM=48 QUERY_TILE=128 KEY_TILE=64 WARPS=4 PATTERN=0; HEAD_DIM=64 QUERY_TILE=128 KEY_TILE=64 WARPS=4 PATTERN=0; HEAD_DIM=80 QUERY_TILE=128 KEY_TILE=64 WARPS=4 PATTERN=0; HEAD_DIM=96 QUERY_TILE=128 KEY_TILE=64 WARPS=4 PATTERN=0; HEAD_DIM=128 QUERY_TILE=128 KEY_TILE=32 WARPS=4 PATTERN=0; HEAD_DIM=256 QUERY_TILE=64 KEY_TILE=64 WARPS=4 PATTERN=0
// variants (sm_90a): HEAD_DIM=112 QUERY_TILE=128 KEY_TILE=64 WARPS=4 PATTERN=0; HEAD_DIM=128 QUERY_TILE=128 KEY_TILE=64 WARPS=4 PATTERN=0
// variants: HEAD_DIM=48 QUERY_TILE=128 KEY_TILE=32 WARPS=4 PATTERN=1; HEAD_DIM=64 QUERY_TILE=128 KEY_TILE=32 WARPS=4 PATTERN=1; HEAD_DIM=96 QUERY_TILE=128 KEY_TILE=32 WARPS=4 PATTERN=1; HEAD_DIM=128 QUERY_TILE=64 KEY_TILE=64 WARPS=4 PATTERN=1; HEAD_DIM=256 QUERY_TILE=64 KEY_TILE=64 WARPS=4 PATTERN=1
// variants (sm_90a): HEAD_DIM=128 QUERY_TILE=128 KEY_TILE=32 WARPS=4 PATTERN=1; HEAD_DIM=48 QUERY_TILE=128 KEY_TILE=64 WARPS=4 PATTERN=1; HEAD_DIM=64 QUERY_TILE=128 KEY_TILE=64 WARPS=4 PATTERN=1; HEAD_DIM=96 QUERY_TILE=128 KEY_TILE=64 WARPS=4 PATTERN=1

// Attention with an online softmax. A block has QUERY_TILE queries of one head, each of its WARPS warps whole rows of them, and goes
// through the keys that some of them see, KEY_TILE at a time. While a product runs, the operand of the next one is on its way.
constexpr int Threads = 32 * WARPS, R = QUERY_TILE / (16 * WARPS), KeyFragments = KEY_TILE / 8;
static_assert(QUERY_TILE % (16 * WARPS) == 0 && KEY_TILE % 16 == 0, "warps take whole fragments");

// Grid: query tiles · heads · sequences. Shared memory: QUERY_TILE + 2 KEY_TILE rows of a tile.
extern "C" __global__ void __launch_bounds__(Threads, LeastBlocks) attention_forward(
    const bf16* q, const bf16* k, const bf16* v, const int* starts, bf16* o, float* log_sum_exp,
    int tokens, int heads, int group, int window, float scale, long long q_stride, long long k_stride, long long v_stride, long long o_stride,
    const int* patterns, const uint16* left_out)
{
    SHARED_MEMORY(bf16, memory);
    bf16 *q_tile = memory, *k_tile = q_tile + Tile::Length(QUERY_TILE), *v_tile = k_tile + Tile::Length(KEY_TILE);
    // The last queries see the most keys: they go first, so that the shortest blocks fill the end.
    const int tiles = (tokens + QUERY_TILE - 1) / QUERY_TILE, tile = tiles - 1 - blockIdx.x % tiles;
    const int sequence = blockIdx.x / tiles / heads, head = blockIdx.x / tiles % heads;
    const long long token0 = (long long)sequence * tokens;
    const int query0 = tile * QUERY_TILE, query_end = min(query0 + QUERY_TILE, tokens);
    q += (token0 + query0) * q_stride + head * HEAD_DIM;
    o += (token0 + query0) * o_stride + head * HEAD_DIM;
    k += token0 * k_stride + head / group * HEAD_DIM;
    v += token0 * v_stride + head / group * HEAD_DIM;

    const Mask mask = {starts + token0, tokens, window};
    KeyWalk<R, QUERY_TILE, KEY_TILE> rows(mask, query0, patterns, head, LeftOut(left_out, sequence * heads + head, tokens));
    const TileFragments lane{LaneRows(threadIdx.x % 32)};
    const int warp_row = rows.row - query0;
    const float scale2 = scale * Log2E;

    float sums[R][Dim / 8][4], greatest[R][2], total[R][2];
    clear(sums);
    #pragma unroll
    for (int i = 0; i < R; i++)
        #pragma unroll
        for (int h = 0; h < 2; h++)
        {
            greatest[i][h] = Mask::Hidden;
            total[i][h] = 0;
        }

    int key = rows.from(rows.block_lowest / KEY_TILE * KEY_TILE);
    load_rows<QUERY_TILE, Threads>(q_tile, q, q_stride, query_end - query0);
    load_rows<KEY_TILE, Threads>(k_tile, k + key * k_stride, k_stride, tokens - key);
    commit_copies();
    for (; key < query_end; key = rows.after(key))
    {
        const bool live = rows.sees(key);
        wait_copies<0>();
        __syncthreads();
        load_rows<KEY_TILE, Threads>(v_tile, v + key * v_stride, v_stride, tokens - key);
        commit_copies();

        float scores[R][KeyFragments][4];
        clear(scores);
        if (live) multiply_rows(scores, q_tile, warp_row, k_tile, lane);

        wait_copies<0>();
        __syncthreads();
        const int next = rows.from(key + KEY_TILE);
        if (next < query_end) load_rows<KEY_TILE, Threads>(k_tile, k + next * k_stride, k_stride, tokens - next);
        commit_copies();
        if (!live) continue;

        rows.hide(scores, key);
        #pragma unroll
        for (int i = 0; i < R; i++)
            #pragma unroll
            for (int h = 0; h < 2; h++)
            {
                float most = greatest[i][h];
                #pragma unroll
                for (int j = 0; j < KeyFragments; j++) most = fmaxf(most, fmaxf(scores[i][j][2 * h], scores[i][j][2 * h + 1]));
                most = row_max(most);
                // A row that has seen no key yet: everything stays 0.
                const float base = most == Mask::Hidden ? 0.0f : most * scale2;
                const float correction = fast_exp2(greatest[i][h] * scale2 - base);
                greatest[i][h] = most;
                total[i][h] *= correction;
                #pragma unroll
                for (int j = 0; j < KeyFragments; j++)
                    #pragma unroll
                    for (int e = 2 * h; e < 2 * h + 2; e++)
                    {
                        scores[i][j][e] = fast_exp2(scores[i][j][e] * scale2 - base);
                        total[i][h] += scores[i][j][e];
                    }

                #pragma unroll
                for (int j = 0; j < Dim / 8; j++)
                {
                    sums[i][j][2 * h] *= correction;
                    sums[i][j][2 * h + 1] *= correction;
                }
            }

        multiply_weights(sums, scores, v_tile, 0, lane);
    }

    wait_copies<0>();
    float factors[R][2];
    #pragma unroll
    for (int i = 0; i < R; i++)
        #pragma unroll
        for (int h = 0; h < 2; h++)
        {
            const float sum = row_sum(total[i][h]);
            const int token = rows.row + i * 16 + h * 8 + threadIdx.x % 32 / 4;
            factors[i][h] = token < tokens ? 1.0f / sum : 0.0f;
            if (token < tokens && threadIdx.x % 4 == 0)
                log_sum_exp[((long long)sequence * heads + head) * tokens + token] = greatest[i][h] * scale + logf(sum);
        }

    store_rows(sums, factors, q_tile + warp_row * Tile::Stride, o + warp_row * o_stride, o_stride, tokens - rows.row, 0);
}
KERNEL(attention_forward)
