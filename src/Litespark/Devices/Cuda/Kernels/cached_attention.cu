#include "device.cuh"
// variants: ELEMENT=bf16 HEAD_DIM=128 WARPS=4; ELEMENT=float HEAD_DIM=48 WARPS=4

// Attention of new tokens over a key/value cache, for generation.
typedef ELEMENT element;

// Copies the keys and values of new tokens into the rows of the caches at their positions. Grid: new tokens. A position outside of
// the caches is left out: the host has checked what it was given.
extern "C" __global__ void cache_append(const element* k, const element* v, element* keys, element* values, const int* positions,
    int columns, int capacity, int64 k_stride, int64 v_stride, int64 keys_stride, int64 values_stride)
{
    const int64 row = blockIdx.x;
    const int position = positions[row];
    if (position < 0 || position >= capacity) return;
    for (int column = threadIdx.x; column < columns; column += blockDim.x)
    {
        keys[position * keys_stride + column] = k[row * k_stride + column];
        values[position * values_stride + column] = v[row * v_stride + column];
    }
}
KERNEL(cache_append)

// o = softmax(scale · q·Kᵀ)·V over the cache rows that a token sees: max(0, position − window + 1) … position. A block takes one
// head of one token; its warps take every WARPS-th of these rows, each with an online softmax of its own, and the block joins them
// in the order of the warps. A lane holds the columns lane, lane + 32, …. HEAD_DIM: columns of a head.
constexpr int Slots = (HEAD_DIM + WARP - 1) / WARP;
const float Hidden = -1e30f;

// Grid: heads, new tokens. Shared memory: WARPS · (HEAD_DIM + 2) floats.
extern "C" __global__ void __launch_bounds__(WARP * WARPS) cached_attention(const element* q, const element* keys, const element* values, const int* positions, element* o,
    int group, int window, int capacity, float scale, int64 q_stride, int64 keys_stride, int64 values_stride, int64 o_stride)
{
    SHARED_MEMORY(float, joined);
    float *tops = joined + WARPS * HEAD_DIM, *totals = tops + WARPS;
    const int head = blockIdx.x, lane = lane_index(), warp = warp_index();
    const int64 row = blockIdx.y;
    const int last = min(positions[row], capacity - 1), first = window > 0 ? max(last - window + 1, 0) : 0;
    q += row * q_stride + head * HEAD_DIM;
    o += row * o_stride + head * HEAD_DIM;
    keys += head / group * HEAD_DIM;
    values += head / group * HEAD_DIM;

    float query[Slots], sum[Slots], top = Hidden, total = 0;
#pragma unroll
    for (int i = 0; i < Slots; i++)
    {
        const int column = i * WARP + lane;
        query[i] = column < HEAD_DIM ? to_float(q[column]) * scale : 0.0f;
        sum[i] = 0;
    }

    for (int key = first + warp; key <= last; key += WARPS)
    {
        float score = 0;
#pragma unroll
        for (int i = 0; i < Slots; i++)
        {
            const int column = i * WARP + lane;
            if (column < HEAD_DIM) score += query[i] * to_float(keys[key * keys_stride + column]);
        }

        score = warp_sum(score);
        const float higher = fmaxf(top, score), correction = expf(top - higher), weight = expf(score - higher);
        top = higher;
        total = total * correction + weight;
#pragma unroll
        for (int i = 0; i < Slots; i++)
        {
            const int column = i * WARP + lane;
            if (column < HEAD_DIM) sum[i] = sum[i] * correction + weight * to_float(values[key * values_stride + column]);
        }
    }

#pragma unroll
    for (int i = 0; i < Slots; i++)
        if (i * WARP + lane < HEAD_DIM) joined[warp * HEAD_DIM + i * WARP + lane] = sum[i];
    if (lane == 0)
    {
        tops[warp] = top;
        totals[warp] = total;
    }

    __syncthreads();
    for (int w = 0; w < WARPS; w++) top = fmaxf(top, tops[w]);
    for (int column = threadIdx.x; column < HEAD_DIM; column += WARP * WARPS)
    {
        float above = 0, below = 0;
        for (int w = 0; w < WARPS; w++)
        {
            const float factor = expf(tops[w] - top);
            above += factor * joined[w * HEAD_DIM + column];
            below += factor * totals[w];
        }

        o[column] = from_float<element>(above / below);
    }
}
KERNEL(cached_attention)
