#include "device.cuh"

// variants:

// The factor that limits the gradient's global norm, as PyTorch's clip_grad_norm_: norm = √squares, factor = min(1, max_norm / (norm + 1e-6)),
// 1 where max_norm ≤ 0. One thread.
extern "C" __global__ void clip_factor(const float* squares, float max_norm, float* norm, float* factor)
{
    const float root = sqrtf(squares[0]);
    norm[0] = root;
    factor[0] = max_norm > 0 ? fminf(1, max_norm / (root + 1e-6f)) : 1;
}
KERNEL(clip_factor)
