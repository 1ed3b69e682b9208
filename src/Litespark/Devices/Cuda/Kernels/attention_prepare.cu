#include "device.cuh"
// variants: HEAD_DIM=48; HEAD_DIM=128; HEAD_DIM=256

// What the gradient of attention needs first. HEAD_DIM: a multiple of 8.

// The inner product of two pairs of elements.
__device__ inline float product_of_pairs(uint32 x, uint32 y)
{
    const float2 a = unpack_bf16(x), b = unpack_bf16(y);
    return a.x * b.x + a.y * b.y;
}

// delta[B, H, T] = Σ dO ∘ O over a head's columns. A warp for each row of a head; grid: rows of all heads over the warps of a block.
extern "C" __global__ void attention_delta(const bf16* o, const bf16* gradient, float* delta,
    int tokens, int heads, long long rows, long long o_stride, long long gradient_stride)
{
    const long long at = (long long)blockIdx.x * (blockDim.x / WARP) + warp_index();
    if (at >= rows * heads) return;
    const long long row = at / heads;
    const int head = (int)(at % heads);
    float sum = 0;
    for (int column = lane_index() * 8; column < HEAD_DIM; column += WARP * 8)
    {
        const uint4 x = load16(o + row * o_stride + head * HEAD_DIM + column), y = load16(gradient + row * gradient_stride + head * HEAD_DIM + column);
        sum += product_of_pairs(x.x, y.x) + product_of_pairs(x.y, y.y) + product_of_pairs(x.z, y.z) + product_of_pairs(x.w, y.w);
    }

    sum = warp_sum(sum);
    if (lane_index() == 0) delta[(row / tokens * heads + head) * tokens + row % tokens] = sum;
}
KERNEL(attention_delta)

// For each tile of TILE keys of each sequence: ends, the token behind the last query that sees one of the keys; for each tile of
// TILE queries: highest, the greatest first key that one of them sees. A warp for each tile; grid: tiles, sequences.
extern "C" __global__ void attention_ranges(const int* starts, int* ends, int* highest, int tokens, int window, int tile_keys, int tile_queries)
{
    const int tiles = max(ceiling_division(tokens, tile_keys), ceiling_division(tokens, tile_queries));
    const int tile = blockIdx.x * (blockDim.x / WARP) + warp_index();
    if (tile >= tiles) return;
    starts += (long long)blockIdx.y * tokens;
    auto first = [=](int token) { return window > 0 ? max(starts[token], token - window + 1) : starts[token]; };

    // From the last query backwards: in most batches the first look finds it.
    const int key = tile * tile_keys, last_key = min(key + tile_keys, tokens) - 1;
    for (int end = tokens; key < tokens; end -= WARP)
    {
        const int token = end - 1 - lane_index();
        const uint32 seen = __ballot_sync(ALL_LANES, token >= key && first(max(token, 0)) <= last_key);
        if (seen == 0 && end - WARP > key) continue;
        if (lane_index() == 0) ends[(long long)blockIdx.y * ceiling_division(tokens, tile_keys) + tile] = end - (__ffs(seen) - 1);
        break;
    }

    const int query = tile * tile_queries;
    if (query >= tokens) return;
    int greatest = 0;
    for (int token = query + lane_index(); token < min(query + tile_queries, tokens); token += WARP) greatest = max(greatest, first(token));
#pragma unroll
    for (int x = WARP / 2; x > 0; x /= 2) greatest = max(greatest, __shfl_xor_sync(ALL_LANES, greatest, x));
    if (lane_index() == 0) highest[(long long)blockIdx.y * ceiling_division(tokens, tile_queries) + tile] = greatest;
}
KERNEL(attention_ranges)
