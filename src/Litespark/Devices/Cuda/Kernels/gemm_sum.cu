#include "device.cuh"
#include "gemm.cuh"
// variants: OUTPUT=float BIAS=bf16; OUTPUT=bf16 BIAS=float

// Finishes a product whose K was split: adds the partial sums [splits, M, N padded to 4] in the order of the splits.
// A thread takes four columns; grid-stride over all of them.
extern "C" __global__ void gemm_sum(const float* partials, output* c, const bias_element* bias,
    int m, int n, long long c_stride, float alpha, int accumulate, int vectors, int splits)
{
    const int fours = (n + 3) / 4;
    const long long count = (long long)m * fours;
    const GemmFinish finish = {c, bias, 0, c_stride, 0, alpha, accumulate != 0, vectors != 0};
    for (long long i = (long long)blockIdx.x * blockDim.x + threadIdx.x; i < count; i += (long long)gridDim.x * blockDim.x)
    {
        float4 sum = ((const float4*)partials)[i];
        for (int s = 1; s < splits; s++)
        {
            float4 part = ((const float4*)partials)[s * count + i];
            sum = make_float4(sum.x + part.x, sum.y + part.y, sum.z + part.z, sum.w + part.w);
        }

        int row = (int)(i / fours), column = (int)(i % fours) * 4;
        finish.store(sum, row, column, min(n - column, 4));
    }
}
KERNEL(gemm_sum)
