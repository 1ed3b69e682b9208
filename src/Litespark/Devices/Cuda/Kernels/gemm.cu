#include "device.cuh"
#include "tensor_core.cuh"
#include "fragments.cuh"
#include "gemm.cuh"
#include "swizzled_tile.cuh"
#include "gemm_steps.cuh"
// variants: OUTPUT=bf16 BIAS=bf16 TRANSPOSE_A=0 TRANSPOSE_B=1 TILE_M=128 TILE_N=256 TILE_K=32 STAGES=4 WARPS_M=2 WARPS_N=4 ALIGNED_A=1 ALIGNED_B=1; OUTPUT=bf16 BIAS=bf16 TRANSPOSE_A=0 TRANSPOSE_B=1 TILE_M=128 TILE_N=128 TILE_K=32 STAGES=4 WARPS_M=2 WARPS_N=4 ALIGNED_A=1 ALIGNED_B=1; OUTPUT=bf16 BIAS=bf16 TRANSPOSE_A=0 TRANSPOSE_B=1 TILE_M=64 TILE_N=64 TILE_K=32 STAGES=4 WARPS_M=2 WARPS_N=2 ALIGNED_A=1 ALIGNED_B=1
// variants: OUTPUT=bf16 BIAS=bf16 TRANSPOSE_A=0 TRANSPOSE_B=0 TILE_M=128 TILE_N=256 TILE_K=32 STAGES=4 WARPS_M=2 WARPS_N=4 ALIGNED_A=1 ALIGNED_B=1; OUTPUT=bf16 BIAS=bf16 TRANSPOSE_A=0 TRANSPOSE_B=0 TILE_M=128 TILE_N=128 TILE_K=32 STAGES=4 WARPS_M=2 WARPS_N=4 ALIGNED_A=1 ALIGNED_B=1; OUTPUT=bf16 BIAS=bf16 TRANSPOSE_A=0 TRANSPOSE_B=0 TILE_M=64 TILE_N=64 TILE_K=32 STAGES=4 WARPS_M=2 WARPS_N=2 ALIGNED_A=1 ALIGNED_B=1
// variants: OUTPUT=float BIAS=bf16 TRANSPOSE_A=1 TRANSPOSE_B=0 TILE_M=128 TILE_N=256 TILE_K=32 STAGES=4 WARPS_M=2 WARPS_N=4 ALIGNED_A=1 ALIGNED_B=1; OUTPUT=float BIAS=bf16 TRANSPOSE_A=1 TRANSPOSE_B=0 TILE_M=128 TILE_N=128 TILE_K=32 STAGES=4 WARPS_M=2 WARPS_N=4 ALIGNED_A=1 ALIGNED_B=1; OUTPUT=float BIAS=bf16 TRANSPOSE_A=1 TRANSPOSE_B=0 TILE_M=64 TILE_N=64 TILE_K=32 STAGES=4 WARPS_M=2 WARPS_N=2 ALIGNED_A=1 ALIGNED_B=1
// variants: OUTPUT=bf16 BIAS=bf16 TRANSPOSE_A=1 TRANSPOSE_B=1 TILE_M=128 TILE_N=256 TILE_K=32 STAGES=4 WARPS_M=2 WARPS_N=4 ALIGNED_A=1 ALIGNED_B=1; OUTPUT=bf16 BIAS=bf16 TRANSPOSE_A=1 TRANSPOSE_B=1 TILE_M=128 TILE_N=128 TILE_K=32 STAGES=4 WARPS_M=2 WARPS_N=4 ALIGNED_A=1 ALIGNED_B=1; OUTPUT=bf16 BIAS=bf16 TRANSPOSE_A=1 TRANSPOSE_B=1 TILE_M=64 TILE_N=64 TILE_K=32 STAGES=4 WARPS_M=2 WARPS_N=2 ALIGNED_A=1 ALIGNED_B=1
// variants: OUTPUT=bf16 BIAS=float TRANSPOSE_A=0 TRANSPOSE_B=1 TILE_M=64 TILE_N=64 TILE_K=32 STAGES=4 WARPS_M=2 WARPS_N=2 ALIGNED_A=0 ALIGNED_B=1; OUTPUT=float BIAS=float TRANSPOSE_A=1 TRANSPOSE_B=0 TILE_M=128 TILE_N=128 TILE_K=32 STAGES=4 WARPS_M=2 WARPS_N=4 ALIGNED_A=1 ALIGNED_B=0

// Matrix product on tensor cores.
// The operands of a block, step by step along K.
struct Source
{
    const bf16 *a, *b;
    long long a_stride, b_stride, a_segment, b_segment;
    int rows, columns, k, at, left;

    __device__ __forceinline__ bool more() const { return left > 0; }

    // Goes to a step from the beginning.
    __device__ __forceinline__ void skip(int steps, int per_segment)
    {
        int segment = steps / per_segment;
        at = (steps - segment * per_segment) * TILE_K;
        a += segment * a_segment + (TRANSPOSE_A ? at * a_stride : (long long)at);
        b += segment * b_segment + (TRANSPOSE_B ? (long long)at : at * b_stride);
    }

    // Loads a step into a stage and goes to the next.
    __device__ __forceinline__ void load(bf16* stage)
    {
        TileA::load(stage, a, a_stride, TRANSPOSE_A ? k - at : rows, TRANSPOSE_A ? rows : k - at);
        TileB::load(stage + TileA::Length, b, b_stride, TRANSPOSE_B ? columns : k - at, TRANSPOSE_B ? k - at : columns);
        int step = TILE_K;
        left--;
        at += TILE_K;
        if (at >= k)
        {
            step = TILE_K - at;
            a += a_segment;
            b += b_segment;
            at = 0;
        }

        a += TRANSPOSE_A ? step * a_stride : (long long)step;
        b += TRANSPOSE_B ? (long long)step : step * b_stride;
    }
};

// Grid: x, tiles of C times products of the batch; y, splits of K. Block: Threads. Shared memory: STAGES stages.
extern "C" __global__ void __launch_bounds__(Threads, BlocksAtOnce) gemm(
    const bf16* a, const bf16* b, output* c, const bias_element* bias, float* partials,
    int m, int n, int k, long long a_stride, long long b_stride, long long c_stride, float alpha, int accumulate, int vectors,
    int heads, int group, long long a_sequence, long long a_head, long long b_sequence, long long b_head, long long c_sequence, long long c_head,
    int segments, long long a_segment, long long b_segment)
{
    SHARED_MEMORY(bf16, stages);
    const TilePosition tile(blockIdx.x, m, n, TILE_M, TILE_N);
    const int sequence = tile.batch / heads, head = tile.batch % heads;
    const GemmShape shape = {m, n, k, segments};
    const StepRange steps(shape, TILE_K, blockIdx.y, gridDim.y);

    Source source = {a + sequence * a_sequence + head * a_head, b + sequence * b_sequence + head / group * b_head,
        a_stride, b_stride, a_segment, b_segment, m - tile.row, n - tile.column, k, 0, steps.end - steps.first};
    source.a += TRANSPOSE_A ? (long long)tile.row : tile.row * a_stride;
    source.b += TRANSPOSE_B ? tile.column * b_stride : (long long)tile.column;

    source.skip(steps.first, steps.per_segment);

    float sums[FragmentsM][FragmentsN][4];
    multiply_steps(sums, stages, source);
    const long long partial_stride = (n + 3) / 4 * 4;
    const GemmFinish finish = {c + sequence * c_sequence + head * c_head, bias,
        partials ? partials + (long long)blockIdx.y * m * partial_stride : partials, c_stride, partial_stride, alpha, accumulate != 0, vectors != 0};
    store_sums(sums, stages, finish, tile.row, tile.column, m, n);
}
KERNEL(gemm)
