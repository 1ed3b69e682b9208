#include "device.cuh"
#include "packs.cuh"
#include "teams.cuh"
#include "held_rows.cuh"
#include "online_softmax.cuh"

// variants: ELEMENT=bf16 VECTOR=8 CHUNKS=4 TEAM=32 THREADS=128; ELEMENT=bf16 VECTOR=8 CHUNKS=4 TEAM=128 THREADS=128; ELEMENT=bf16 VECTOR=8 CHUNKS=8 TEAM=64 THREADS=64; ELEMENT=bf16 VECTOR=8 CHUNKS=4 TEAM=1024 THREADS=1024; ELEMENT=float VECTOR=4 CHUNKS=4 TEAM=256 THREADS=256

// Softmax over rows and its gradient where a team's registers hold the row: it is read once, all of it at a time, and every exponential is
// taken once. Rows are made of whole packs; for all others softmax.cu walks. A team takes one row.
typedef ELEMENT element;

// y = softmax(x); y may be x.
extern "C" __global__ void __launch_bounds__(THREADS) softmax(const element* x, int64 x_stride, element* y, int64 y_stride, int rows, int columns)
{
    const int64 row = (int64)blockIdx.x * team_count + team_index();
    if (row >= rows) return; // whole warps, for a team is a warp or the block
    Pack<element> held[CHUNKS];
    for_chunks(columns, [&](int k, int c) { held[k] = load_pack(x + row * x_stride + c); });
    float maximum = LOWEST, sum = 0, values[CHUNKS][VECTOR];
    for_chunks(columns, [&](int k, int) {
#pragma unroll
        for (int i = 0; i < VECTOR; i++) maximum = fmaxf(maximum, held[k][i]);
    });
    maximum = team_max(maximum);
    for_chunks(columns, [&](int k, int) {
#pragma unroll
        for (int i = 0; i < VECTOR; i++)
        {
            values[k][i] = fast_exp2((held[k][i] - maximum) * LOG2_E);
            sum += values[k][i];
        }
    });
    const float share = 1 / team_sum(sum);
    for_chunks(columns, [&](int k, int c) {
#pragma unroll
        for (int i = 0; i < VECTOR; i++) values[k][i] *= share;
        store_pack(y + row * y_stride + c, to_pack<element>(values[k]));
    });
}
KERNEL(softmax)

// dx = y ∘ (dy − Σ y ∘ dy) with y = softmax(x); dx may be dy or y.
extern "C" __global__ void __launch_bounds__(THREADS) softmax_gradient(
    const element* dy, int64 dy_stride, const element* y, int64 y_stride, element* dx, int64 dx_stride, int rows, int columns)
{
    const int64 row = (int64)blockIdx.x * team_count + team_index();
    if (row >= rows) return; // whole warps, for a team is a warp or the block
    Pack<element> gradient[CHUNKS], output[CHUNKS];
    for_chunks(columns, [&](int k, int c) {
        gradient[k] = load_pack(dy + row * dy_stride + c);
        output[k] = load_pack(y + row * y_stride + c);
    });
    float dot = 0;
    for_chunks(columns, [&](int k, int) {
#pragma unroll
        for (int i = 0; i < VECTOR; i++) dot += gradient[k][i] * output[k][i];
    });
    dot = team_sum(dot);
    for_chunks(columns, [&](int k, int c) {
        float values[VECTOR];
#pragma unroll
        for (int i = 0; i < VECTOR; i++) values[i] = output[k][i] * (gradient[k][i] - dot);
        store_pack(dx + row * dx_stride + c, to_pack<element>(values));
    });
}
KERNEL(softmax_gradient)
