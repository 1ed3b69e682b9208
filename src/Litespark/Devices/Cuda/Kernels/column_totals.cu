#include "device.cuh"

// variants:

// y[c] = Σ x[r, c] over the rows in a fixed order, plus what y held if accumulate. x is contiguous. Blocks of 32 × 32 threads for 32 columns
// each: 256 rows at a time, so that the partial sums of a kernel's blocks are added up in one or two trips to memory.
extern "C" __global__ void __launch_bounds__(1024) column_totals(const float* x, int rows, int columns, float* y, int accumulate)
{
    SHARED_MEMORY(float, sums);
    const int lane = threadIdx.x % 32, group = threadIdx.x / 32, column = blockIdx.x * 32 + lane;
    float sum = 0;
    if (column < columns)
    {
        for (int first = group; first < rows; first += 8 * 32)
        {
            float values[8];
#pragma unroll
            for (int i = 0; i < 8; i++) values[i] = first + 32 * i < rows ? x[(int64)(first + 32 * i) * columns + column] : 0;
#pragma unroll
            for (int i = 0; i < 8; i++) sum += values[i];
        }
    }

    sums[threadIdx.x] = sum;
    __syncthreads();
    if (group > 0 || column >= columns) return;
    float total = accumulate ? y[column] : 0;
    for (int i = 0; i < 32; i++) total += sums[i * 32 + lane];
    y[column] = total;
}
KERNEL(column_totals)
