#include "device.cuh"
#include "packs.cuh"
#include "cuts.cuh"
#include "teams.cuh"
#include "online_softmax.cuh"
#include "attention_pattern.cuh"

// variants: ELEMENT=bf16 VECTOR=8 TEAM=32 THREADS=128; ELEMENT=bf16 VECTOR=8 TEAM=256 THREADS=256; ELEMENT=float VECTOR=4 TEAM=256 THREADS=256

// Softmax over rows, its gradient, and the mask before it: what attention with materialised scores is made of. A team takes one row.
typedef ELEMENT element;

// y = softmax(x); y may be x.
extern "C" __global__ void __launch_bounds__(THREADS) softmax(const element* x, int64 x_stride, element* y, int64 y_stride, int rows, int columns)
{
    const int64 row = (int64)blockIdx.x * team_count + team_index();
    if (row >= rows) return; // whole warps, for a team is a warp or the block
    const element* input = x + row * x_stride;
    element* output = y + row * y_stride;
    const Cut cut(input, columns);
    SoftmaxStatistics statistics;
    for_packs(cut, input, team_lane(), TEAM, LOWEST, [&](int64, const Pack<element>& pack) { statistics.add(pack); });
    statistics.combine();
    const float share = 1 / statistics.sum;
    for_packs(cut, input, team_lane(), TEAM, LOWEST, [&](int64 index, const Pack<element>& pack) {
        float values[VECTOR];
#pragma unroll
        for (int i = 0; i < VECTOR; i++) values[i] = fast_exp2((pack[i] - statistics.maximum) * LOG2_E) * share;
        cut.store(output, index, values);
    });
}
KERNEL(softmax)

// dx = y ∘ (dy − Σ y ∘ dy) with y = softmax(x); dx may be dy or y.
extern "C" __global__ void __launch_bounds__(THREADS) softmax_gradient(
    const element* dy, int64 dy_stride, const element* y, int64 y_stride, element* dx, int64 dx_stride, int rows, int columns)
{
    const int64 row = (int64)blockIdx.x * team_count + team_index();
    if (row >= rows) return; // whole warps, for a team is a warp or the block
    const element *gradient = dy + row * dy_stride, *output = y + row * y_stride;
    element* result = dx + row * dx_stride;
    const Cut cut(gradient, columns);
    float dot = 0;
    for_packs(cut, gradient, team_lane(), TEAM, 0, [&](int64 index, const Pack<element>& pack) {
        const Pack<element> other = cut.load(output, index);
#pragma unroll
        for (int i = 0; i < VECTOR; i++) dot += pack[i] * other[i];
    });
    dot = team_sum(dot);
    for_packs(cut, gradient, team_lane(), TEAM, 0, [&](int64 index, const Pack<element>& pack) {
        const Pack<element> other = cut.load(output, index);
        float values[VECTOR];
#pragma unroll
        for (int i = 0; i < VECTOR; i++) values[i] = other[i] * (pack[i] - dot);
        cut.store(result, index, values);
    });
}
KERNEL(softmax_gradient)

// masked = scores [B, heads, tokens, tokens], but LOWEST wherever query t does not see the key: it sees max(starts[b, t], t − window + 1) … t,
// from starts[b, t] where window is 0, and of these what the head's pattern shows, if there are patterns. masked may be scores; then packs
// without a hidden key are left alone.
extern "C" __global__ void __launch_bounds__(THREADS) causal_mask(
    const element* scores, const int* starts, const int* patterns, element* masked, int rows, int heads, int tokens, int window)
{
    const int64 row = (int64)blockIdx.x * team_count + team_index();
    if (row >= rows) return;
    const int token = (int)(row % tokens), sequence = (int)(row / tokens / heads);
    const Pattern pattern = patterns == nullptr ? Pattern() : Pattern(patterns, (int)(row / tokens % heads));
    int start = starts[(int64)sequence * tokens + token];
    if (window > 0 && start < token - window + 1) start = token - window + 1;
    start = pattern.first_seen(token, start);
    const int run = max(start, pattern.run_start(token)), own = pattern.query_remainder(token);
    const element* input = scores + row * tokens;
    element* output = masked + row * tokens;
    const Cut cut(input, tokens);
    for (int64 index = team_lane(); index < cut.packs; index += TEAM)
    {
        const int64 first = cut.first(index), last = first + VECTOR - 1;
        const bool visible = first >= run && last <= token, hidden = last < start || first > token;
        if (visible && scores == masked) continue;
        float values[VECTOR];
#pragma unroll
        for (int i = 0; i < VECTOR; i++) values[i] = LOWEST;
        if (!hidden)
        {
            const Pack<element> pack = cut.load(input, index);
            KeyRemainder remainder(pattern, (int)max(first, (int64)0));
#pragma unroll
            for (int i = 0; i < VECTOR; i++)
            {
                if (first + i >= start && first + i <= token && (first + i >= run || remainder.value == own)) values[i] = pack[i];
                if (first + i >= 0) remainder.advance(pattern);
            }
        }

        cut.store(output, index, values);
    }
}
KERNEL(causal_mask)
