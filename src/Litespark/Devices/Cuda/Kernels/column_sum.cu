#include "device.cuh"
#include "packs.cuh"

// variants: ELEMENT=bf16 VECTOR=8 THREADS=256; ELEMENT=float VECTOR=4 THREADS=256; ELEMENT=bf16 VECTOR=1 THREADS=256

// parts[b, c] = Σ x[r, c] over the rows of share b, in a fixed order: the gradient of a bias, before column_totals adds the shares up.
// Blocks along x take a warp's packs of columns each, blocks along y a share of the rows; a block's warps take turns at its rows.
typedef ELEMENT element;

const int width = WARP * VECTOR; // columns of a block

extern "C" __global__ void __launch_bounds__(THREADS) column_sum(const element* x, int64 stride, int rows, int columns, int share, float* parts)
{
    SHARED_ARRAY(float, sums, (THREADS / WARP) * width);
    const int column = blockIdx.x * width + lane_index() * VECTOR, end = min(rows, (int)(blockIdx.y + 1) * share);
    float mine[VECTOR] = {};
    if (column < columns)
    {
#pragma unroll 4
        for (int row = blockIdx.y * share + warp_index(); row < end; row += THREADS / WARP)
        {
            const Pack<element> pack = load_pack(x + row * stride + column);
#pragma unroll
            for (int i = 0; i < VECTOR; i++) mine[i] += pack[i];
        }
    }

    // A warp's columns lie apart by a warp's width, so that its lanes write to different banks.
#pragma unroll
    for (int i = 0; i < VECTOR; i++) sums[(warp_index() * VECTOR + i) * WARP + lane_index()] = mine[i];
    __syncthreads();
    for (int i = threadIdx.x; i < width; i += THREADS)
    {
        if (blockIdx.x * width + i >= columns) continue;
        float total = 0;
        for (int warp = 0; warp < THREADS / WARP; warp++) total += sums[(warp * VECTOR + i % VECTOR) * WARP + i / VECTOR];
        parts[(int64)blockIdx.y * columns + blockIdx.x * width + i] = total;
    }
}
KERNEL(column_sum)
