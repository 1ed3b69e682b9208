#include "device.cuh"
#include "packs.cuh"
#include "cuts.cuh"
#include "adamw.cuh"

// variants: COPY=bf16 UPDATE=float VECTOR=4 THREADS=256; COPY=float UPDATE=float VECTOR=4 THREADS=256; COPY=bf16 UPDATE=bf16 VECTOR=4 THREADS=256; COPY=bf16 UPDATE=bf16 VECTOR=1 THREADS=256

// Weight updates, each in one pass over memory: float32 masters, moments and gradients; a copy of the weight (null: none) in the element type
// that the other plans compute with, and Muon's updates in theirs.
typedef COPY copy_element;
typedef UPDATE update_element;

// Calls body(index) for this thread's packs.
template <class Body> __device__ inline void for_own_packs(const Cut& cut, Body body)
{
    for (int64 index = (int64)blockIdx.x * THREADS + threadIdx.x; index < cut.packs; index += (int64)gridDim.x * THREADS) body(index);
}

// AdamW of neighbouring weights.
extern "C" __global__ void __launch_bounds__(THREADS) adamw(
    float* weight, const float* gradient, float* m, float* v, copy_element* copy, int64 length, const float* schedule, const float* clip,
    float one_minus_beta1, float beta2, float one_minus_beta2, float epsilon, float weight_decay)
{
    const Cut cut(weight, length);
    const AdamW rule(schedule, clip, one_minus_beta1, beta2, one_minus_beta2, epsilon, weight_decay);
    for_own_packs(cut, [&](int64 index) {
        const Pack<float> weights = cut.load(weight, index), gradients = cut.load(gradient, index), first = cut.load(m, index), second = cut.load(v, index);
        float updated[VECTOR], mean[VECTOR], square[VECTOR];
#pragma unroll
        for (int i = 0; i < VECTOR; i++)
        {
            mean[i] = first[i];
            square[i] = second[i];
            updated[i] = rule.apply(weights[i], gradients[i], mean[i], square[i]);
        }

        cut.store(m, index, mean);
        cut.store(v, index, square);
        cut.store(weight, index, updated);
        if (copy) cut.store(copy, index, updated);
    });
}
KERNEL(adamw)

// Muon's momentum (Jordan et al., 2024) with g = clip[0] · gradient: momentum ← β · momentum + g;
// update = g + β · momentum with Nesterov's look-ahead, else the momentum.
extern "C" __global__ void __launch_bounds__(THREADS) momentum_update(
    const float* gradient, float* momentum, int64 length, float beta, int nesterov, const float* clip, update_element* update)
{
    const Cut cut(gradient, length);
    const float factor = clip[0];
    for_own_packs(cut, [&](int64 index) {
        const Pack<float> gradients = cut.load(gradient, index), average = cut.load(momentum, index);
        float moved[VECTOR], result[VECTOR];
#pragma unroll
        for (int i = 0; i < VECTOR; i++)
        {
            float g = factor * gradients[i];
            moved[i] = beta * average[i] + g;
            result[i] = nesterov ? beta * moved[i] + g : moved[i];
        }

        cut.store(momentum, index, moved);
        cut.store(update, index, result);
    });
}
KERNEL(momentum_update)

// w ← w (1 − η λ) − η · factor · update with the learning rate η = rate[0].
extern "C" __global__ void __launch_bounds__(THREADS) scaled_update(
    float* weight, const update_element* update, copy_element* copy, int64 length, float factor, float weight_decay, const float* rate)
{
    const Cut cut(weight, length);
    const float decay = 1 - rate[0] * weight_decay, step = -rate[0] * factor;
    for_own_packs(cut, [&](int64 index) {
        const Pack<float> weights = cut.load(weight, index);
        const Pack<update_element> updates = cut.load(update, index);
        float updated[VECTOR];
#pragma unroll
        for (int i = 0; i < VECTOR; i++) updated[i] = decay * weights[i] + step * updates[i];
        cut.store(weight, index, updated);
        if (copy) cut.store(copy, index, updated);
    });
}
KERNEL(scaled_update)
