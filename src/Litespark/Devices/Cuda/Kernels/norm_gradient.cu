#include "device.cuh"
#include "packs.cuh"
#include "teams.cuh"
#include "held_rows.cuh"

// variants: ELEMENT=bf16 WEIGHT=bf16 VECTOR=8 CHUNKS=2 TEAM=8 THREADS=128 CENTERED=0 BLOCKS=4; ELEMENT=bf16 WEIGHT=bf16 VECTOR=8 CHUNKS=2 TEAM=256 THREADS=512 CENTERED=0 BLOCKS=1; ELEMENT=bf16 WEIGHT=bf16 VECTOR=8 CHUNKS=2 TEAM=128 THREADS=512 CENTERED=0 BLOCKS=1; ELEMENT=bf16 WEIGHT=bf16 VECTOR=8 CHUNKS=2 TEAM=128 THREADS=640 CENTERED=0 BLOCKS=1; ELEMENT=bf16 WEIGHT=bf16 VECTOR=8 CHUNKS=2 TEAM=128 THREADS=128 CENTERED=0 BLOCKS=4; ELEMENT=bf16 WEIGHT=bf16 VECTOR=8 CHUNKS=2 TEAM=96 THREADS=480 CENTERED=1 BLOCKS=1

// Gradients of RMSNorm (CENTERED 0) and LayerNorm (CENTERED 1).
typedef ELEMENT element;
typedef WEIGHT weight_element;

// What a thread has of one row.
struct HeldRow
{
    Pack<element> dy[CHUNKS], x[CHUNKS], addend[CHUNKS];
    float mean, inverse;
};

__device__ inline HeldRow load_row(
    const element* dy, int64 dy_stride, const element* x, int64 x_stride, const element* addend, int64 addend_stride, const float* mean,
    const float* inverse, int64 item, int groups, int columns)
{
    HeldRow held;
    const int row = (int)item / groups, offset = (int)item % groups * columns;
    for_chunks(columns, [&](int k, int c) {
        held.dy[k] = load_pack(dy + row * dy_stride + offset + c);
        held.x[k] = load_pack(x + row * x_stride + offset + c);
        if (addend) held.addend[k] = load_pack(addend + row * addend_stride + offset + c);
    });
    held.mean = CENTERED ? mean[item] : 0;
    held.inverse = inverse[item];
    return held;
}

// Adds up what the block's teams have for each column, in the order of the teams.
__device__ inline void store_block_sums(const float (&values)[CHUNKS][VECTOR], float* scratch, float* sums, int columns)
{
    float* own = team_count == 1 ? sums : scratch + team_index() * columns;
    __syncthreads();
    for_chunks(columns, [&](int k, int c) {
        store_pack(own + c, to_pack<float>(values[k]));
    });
    if (team_count == 1) return;
    __syncthreads();
    for (int c = threadIdx.x; c < columns; c += THREADS)
    {
        float total = scratch[c];
        for (int team = 1; team < team_count; team++) total += scratch[team * columns + c];
        sums[c] = total;
    }
}

// With x̂ = (x − mean) · inverse and u = weight ∘ dy: dx = inverse · (u − mean(u) − x̂ · mean(u ∘ x̂)) + addend over each group of
// `columns` columns, mean and mean(u) being 0 for RMSNorm. addend: null for none. dx may be dy, x or addend.
// Each block leaves Σ dy ∘ x̂ of its rows in its row of weight_sums [blocks, columns], and LayerNorm Σ dy in bias_sums.
extern "C" __global__ void __launch_bounds__(THREADS, BLOCKS) norm_gradient(
    const element* dy, int64 dy_stride, const element* x, int64 x_stride, const weight_element* weight, const float* mean,
    const float* inverse, const element* addend, int64 addend_stride, element* dx, int64 dx_stride, float* weight_sums,
    float* bias_sums, int rows, int groups, int columns)
{
    SHARED_MEMORY(float, scratch);
    float weight_sum[CHUNKS][VECTOR] = {}, bias_sum[CHUNKS][VECTOR] = {};

    const int64 items = (int64)rows * groups, step = (int64)gridDim.x * team_count;
    const int64 start = (int64)blockIdx.x * team_count;
    HeldRow next;
    if (start + team_index() < items) next = load_row(dy, dy_stride, x, x_stride, addend, addend_stride, mean, inverse, start + team_index(), groups, columns);
    for (int64 first = start; first < items; first += step)
    {
        // The next row is asked for before the barriers of this one, so that the memory does not rest.
        const int64 item = first + team_index();
        const int width = item < items ? columns : 0;
        const int row = (int)item / groups, offset = (int)item % groups * columns;
        const HeldRow held = next;
        Pack<weight_element> scale[CHUNKS]; // from the cache: registers are short
        for_chunks(width, [&](int k, int c) { scale[k] = load_pack(weight + c); });
        if (item + step < items) next = load_row(dy, dy_stride, x, x_stride, addend, addend_stride, mean, inverse, item + step, groups, columns);

        float sums[1 + CENTERED] = {};
        for_chunks(width, [&](int k, int) {
            for (int i = 0; i < VECTOR; i++)
            {
                float gradient = held.dy[k][i], normalised = (held.x[k][i] - held.mean) * held.inverse, u = scale[k][i] * gradient;
                sums[0] += u * normalised;
                weight_sum[k][i] += gradient * normalised;
                if (CENTERED)
                {
                    sums[CENTERED] += u;
                    bias_sum[k][i] += gradient;
                }
            }
        });
        team_combine<Plus>(sums);
        const float tilt = sums[0] / columns, center = CENTERED ? sums[CENTERED] / columns : 0;
        for_chunks(width, [&](int k, int c) {
            float result[VECTOR];
            for (int i = 0; i < VECTOR; i++)
            {
                float normalised = (held.x[k][i] - held.mean) * held.inverse;
                float gradient = held.inverse * (scale[k][i] * held.dy[k][i] - center - normalised * tilt);
                result[i] = addend ? gradient + held.addend[k][i] : gradient;
            }
            store_pack(dx + row * dx_stride + offset + c, to_pack<element>(result));
        });
    }

    store_block_sums(weight_sum, scratch, weight_sums + (int64)blockIdx.x * columns, columns);
    if (CENTERED) store_block_sums(bias_sum, scratch, bias_sums + (int64)blockIdx.x * columns, columns);
}
KERNEL(norm_gradient)
