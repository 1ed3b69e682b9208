#include "device.cuh"
#include "packs.cuh"
#include "teams.cuh"
#include "held_rows.cuh"

// variants: ELEMENT=bf16 WEIGHT=bf16 VECTOR=8 CHUNKS=2 TEAM=8 THREADS=128 CENTERED=0; ELEMENT=bf16 WEIGHT=bf16 VECTOR=8 CHUNKS=2 TEAM=256 THREADS=256 CENTERED=0; ELEMENT=bf16 WEIGHT=bf16 VECTOR=8 CHUNKS=2 TEAM=96 THREADS=96 CENTERED=1; ELEMENT=float WEIGHT=float VECTOR=4 CHUNKS=2 TEAM=256 THREADS=256 CENTERED=0

// RMSNorm (CENTERED 0) and LayerNorm (CENTERED 1) with the residual addition before them. A row is read once and stays in registers.
typedef ELEMENT element;
typedef WEIGHT weight_element;

// sum = x + residual; y = weight ∘ (sum − mean) / √(variance + epsilon) + bias over each group of `columns` columns on its own, mean and
// bias being 0 for RMSNorm. Without a residual (null) sum is x and is not written. mean (LayerNorm only) and inverse [rows · groups].
// sum and y may be x or residual.
extern "C" __global__ void __launch_bounds__(THREADS) norm_forward(
    const element* x, int64 x_stride, const element* residual, int64 residual_stride, const weight_element* weight,
    const weight_element* bias, element* sum, int64 sum_stride, element* y, int64 y_stride, float* mean, float* inverse,
    int rows, int groups, int columns, float epsilon)
{
    Pack<weight_element> scale[CHUNKS], shift[CHUNKS];
    for_chunks(columns, [&](int k, int c) {
        scale[k] = load_pack(weight + c);
        if (CENTERED) shift[k] = load_pack(bias + c);
    });

    const int64 items = (int64)rows * groups;
    for (int64 first = (int64)blockIdx.x * team_count; first < items; first += (int64)gridDim.x * team_count)
    {
        // A team without a row goes along: the shuffles want the whole warp.
        const int64 item = first + team_index();
        const int width = item < items ? columns : 0;
        const int row = (int)item / groups, offset = (int)item % groups * columns;

        Pack<element> value[CHUNKS], other[CHUNKS];
        for_chunks(width, [&](int k, int c) {
            value[k] = load_pack(x + row * x_stride + offset + c);
            if (residual) other[k] = load_pack(residual + row * residual_stride + offset + c);
        });
        if (residual)
        {
            for_chunks(width, [&](int k, int c) {
                float total[VECTOR];
                for (int i = 0; i < VECTOR; i++) total[i] = value[k][i] + other[k][i];
                value[k] = to_pack<element>(total); // what is normalised is the rounded sum: the gradient sees no other
                store_pack(sum + row * sum_stride + offset + c, value[k]);
            });
        }

        // Deviations from the mean in a second pass over the registers: the mean of squares minus the squared mean would cancel.
        float average = 0, squares = 0;
        if (CENTERED)
        {
            for_chunks(width, [&](int k, int) {
                for (int i = 0; i < VECTOR; i++) average += value[k][i];
            });
            average = team_sum(average) / columns;
        }

        for_chunks(width, [&](int k, int) {
            for (int i = 0; i < VECTOR; i++) squares += (value[k][i] - average) * (value[k][i] - average);
        });
        const float factor = 1 / sqrtf(team_sum(squares) / columns + epsilon);
        for_chunks(width, [&](int k, int c) {
            float result[VECTOR];
            for (int i = 0; i < VECTOR; i++)
            {
                float scaled = (value[k][i] - average) * factor * scale[k][i];
                result[i] = CENTERED ? scaled + shift[k][i] : scaled;
            }
            store_pack(y + row * y_stride + offset + c, to_pack<element>(result));
        });
        if (width > 0 && team_lane() == 0)
        {
            if (CENTERED) mean[item] = average;
            inverse[item] = factor;
        }
    }
}
KERNEL(norm_forward)
