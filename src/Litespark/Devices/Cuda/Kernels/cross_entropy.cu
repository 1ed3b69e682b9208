#include "device.cuh"
#include "packs.cuh"
#include "cuts.cuh"
#include "teams.cuh"
#include "online_softmax.cuh"

// variants: ELEMENT=bf16 VECTOR=8 TEAM=1024 THREADS=1024; ELEMENT=bf16 VECTOR=8 TEAM=128 THREADS=128; ELEMENT=bf16 VECTOR=1 TEAM=1024 THREADS=1024; ELEMENT=float VECTOR=4 TEAM=1024 THREADS=1024

// Cross-entropy over logits [N, V], its gradient, and both at once. A block (one team) takes one row. Targets of −1 are ignored.
typedef ELEMENT element;

// losses[n] = ln Σ e^logits[n, ·] − logits[n, targets[n]], 0 where ignored; log_sums[n] is the first term.
extern "C" __global__ void __launch_bounds__(THREADS, 1024 / THREADS) cross_entropy(
    const element* logits, int64 logits_stride, const int* targets, float* losses, float* log_sums, int columns)
{
    const element* row = logits + blockIdx.x * logits_stride;
    SoftmaxStatistics statistics;
    for_packs(Cut(row, columns), row, threadIdx.x, THREADS, LOWEST, [&](int64, const Pack<element>& pack) { statistics.add(pack); });
    statistics.combine();
    if (threadIdx.x > 0) return;
    const int target = targets[blockIdx.x];
    const float log_sum = logf(statistics.sum);
    log_sums[blockIdx.x] = statistics.maximum + log_sum;
    losses[blockIdx.x] = target < 0 ? 0 : statistics.maximum - to_float(row[target]) + log_sum; // in this order no digits are lost to the maximum
}
KERNEL(cross_entropy)

// gradient[n] = (e^(logits[n] − log_sums[n]) − onehot(targets[n])) · scale[0], 0 where ignored. gradient may be the logits.
extern "C" __global__ void __launch_bounds__(THREADS, 1024 / THREADS) cross_entropy_gradient(
    const element* logits, int64 logits_stride, const int* targets, const float* log_sums, const float* scale, element* gradient,
    int64 gradient_stride, int columns)
{
    const element* row = logits + blockIdx.x * logits_stride;
    element* result = gradient + blockIdx.x * gradient_stride;
    const Cut cut(row, columns);
    const int target = targets[blockIdx.x];
    const float log_sum = log_sums[blockIdx.x], factor = target < 0 ? 0 : scale[0];
    for_packs(cut, row, threadIdx.x, THREADS, LOWEST, [&](int64 index, const Pack<element>& pack) {
        const int place = target - (int)cut.first(index);
        float x[VECTOR];
#pragma unroll
        for (int i = 0; i < VECTOR; i++)
        {
            float probability = fast_exp2((pack[i] - log_sum) * LOG2_E);
            x[i] = (i == place ? probability - 1 : probability) * factor;
        }

        cut.store(result, index, x);
    });
}
KERNEL(cross_entropy_gradient)

// Both at once: losses[n], and gradient[n] in the logits' place or beside them. The row comes from memory once: its first `held` packs
// wait in (dynamic) shared memory for the second pass, the others most likely in the cache.
extern "C" __global__ void __launch_bounds__(THREADS, 1024 / THREADS) cross_entropy_with_gradient(
    const element* logits, int64 logits_stride, const int* targets, const float* scale, float* losses, element* gradient,
    int64 gradient_stride, int columns, int held)
{
    SHARED_MEMORY(element, held_row);
    const element* row = logits + blockIdx.x * logits_stride;
    element* result = gradient + blockIdx.x * gradient_stride;
    const Cut cut(row, columns);
    const int target = targets[blockIdx.x];
    if (target < 0)
    {
        const float zeros[VECTOR] = {};
        for (int64 index = threadIdx.x; index < cut.packs; index += THREADS) cut.store(result, index, zeros);
        if (threadIdx.x == 0) losses[blockIdx.x] = 0;
        return;
    }

    const float logit = to_float(row[target]); // before its place is overwritten
    SoftmaxStatistics statistics;
    for_packs(cut, row, threadIdx.x, THREADS, LOWEST, [&](int64 index, const Pack<element>& pack) {
        if (index < held) store_pack(held_row + index * VECTOR, pack);
        statistics.add(pack);
    });
    statistics.combine();
    if (threadIdx.x == 0) losses[blockIdx.x] = statistics.maximum - logit + logf(statistics.sum);

    const float factor = scale[0], share = factor / statistics.sum;
    for (int64 index = threadIdx.x; index < cut.packs; index += THREADS)
    {
        // Each thread takes the packs that it put there itself.
        const Pack<element> pack = index < held ? load_pack(held_row + index * VECTOR) : cut.load(row, index, LOWEST);
        const int place = target - (int)cut.first(index);
        float x[VECTOR];
#pragma unroll
        for (int i = 0; i < VECTOR; i++)
        {
            x[i] = fast_exp2((pack[i] - statistics.maximum) * LOG2_E) * share;
            if (i == place) x[i] -= factor;
        }

        cut.store(result, index, x);
    }
}
KERNEL(cross_entropy_with_gradient)
