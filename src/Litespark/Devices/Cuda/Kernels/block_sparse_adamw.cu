#include "device.cuh"
#include "packs.cuh"
#include "teams.cuh"
#include "adamw.cuh"
#include "block_grid.cuh"
#include "block_packs.cuh"

// variants: COPY=bf16 VECTOR=4 TEAM=256 THREADS=256; COPY=float VECTOR=4 TEAM=256 THREADS=256; COPY=bf16 VECTOR=1 TEAM=1 THREADS=256; COPY=bf16 VECTOR=4 TEAM=16 THREADS=256

// AdamW in the live blocks of a matrix [rows, columns] without gaps; weights and moments of dead blocks stay as they are. A copy of the weight
// (null: none) in the element type that the other plans compute with. A team for each block; grid: blocks of the matrix / teams.
typedef COPY copy_element;

extern "C" __global__ void __launch_bounds__(THREADS) block_sparse_adamw(
    float* weight, const float* gradient, float* m, float* v, copy_element* copy, const int* row_starts, const int* topology,
    int row_blocks, int column_blocks, int block_columns, int columns, const float* schedule, const float* clip,
    float one_minus_beta1, float beta2, float one_minus_beta2, float epsilon, float weight_decay)
{
    const BlockGrid grid = {row_starts, topology, row_blocks, column_blocks, block_columns, columns};
    const TeamBlock block(grid);
    if (!block.is_live(grid)) return;
    const AdamW rule(schedule, clip, one_minus_beta1, beta2, one_minus_beta2, epsilon, weight_decay);
    block.for_packs(columns, [&](int64 at) {
        const Pack<float> weights = load_pack(weight + at), gradients = load_pack(gradient + at), first = load_pack(m + at), second = load_pack(v + at);
        float updated[VECTOR], mean[VECTOR], square[VECTOR];
#pragma unroll
        for (int i = 0; i < VECTOR; i++)
        {
            mean[i] = first[i];
            square[i] = second[i];
            updated[i] = rule.apply(weights[i], gradients[i], mean[i], square[i]);
        }

        store_pack(m + at, to_pack<float>(mean));
        store_pack(v + at, to_pack<float>(square));
        store_pack(weight + at, to_pack<float>(updated));
        if (copy) store_pack(copy + at, to_pack<copy_element>(updated));
    });
}
KERNEL(block_sparse_adamw)
