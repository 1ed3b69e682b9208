#include "device.cuh"
#include "tensor_core.cuh"
#include "fragments.cuh"
#include "gemm.cuh"
#include "swizzled_tile.cuh"
// variants: OUTPUT=bf16 BIAS=bf16 TRANSPOSE_A=0 TRANSPOSE_B=1 TILE_M=128 TILE_N=256 TILE_K=32 STAGES=4 WARPS_M=2 WARPS_N=4 ALIGNED_A=1 ALIGNED_B=1; OUTPUT=bf16 BIAS=bf16 TRANSPOSE_A=0 TRANSPOSE_B=1 TILE_M=128 TILE_N=128 TILE_K=32 STAGES=4 WARPS_M=2 WARPS_N=4 ALIGNED_A=1 ALIGNED_B=1; OUTPUT=bf16 BIAS=bf16 TRANSPOSE_A=0 TRANSPOSE_B=1 TILE_M=64 TILE_N=64 TILE_K=32 STAGES=4 WARPS_M=2 WARPS_N=2 ALIGNED_A=1 ALIGNED_B=1
// variants: OUTPUT=bf16 BIAS=bf16 TRANSPOSE_A=0 TRANSPOSE_B=0 TILE_M=128 TILE_N=256 TILE_K=32 STAGES=4 WARPS_M=2 WARPS_N=4 ALIGNED_A=1 ALIGNED_B=1; OUTPUT=bf16 BIAS=bf16 TRANSPOSE_A=0 TRANSPOSE_B=0 TILE_M=128 TILE_N=128 TILE_K=32 STAGES=4 WARPS_M=2 WARPS_N=4 ALIGNED_A=1 ALIGNED_B=1; OUTPUT=bf16 BIAS=bf16 TRANSPOSE_A=0 TRANSPOSE_B=0 TILE_M=64 TILE_N=64 TILE_K=32 STAGES=4 WARPS_M=2 WARPS_N=2 ALIGNED_A=1 ALIGNED_B=1
// variants: OUTPUT=float BIAS=bf16 TRANSPOSE_A=1 TRANSPOSE_B=0 TILE_M=128 TILE_N=256 TILE_K=32 STAGES=4 WARPS_M=2 WARPS_N=4 ALIGNED_A=1 ALIGNED_B=1; OUTPUT=float BIAS=bf16 TRANSPOSE_A=1 TRANSPOSE_B=0 TILE_M=128 TILE_N=128 TILE_K=32 STAGES=4 WARPS_M=2 WARPS_N=4 ALIGNED_A=1 ALIGNED_B=1; OUTPUT=float BIAS=bf16 TRANSPOSE_A=1 TRANSPOSE_B=0 TILE_M=64 TILE_N=64 TILE_K=32 STAGES=4 WARPS_M=2 WARPS_N=2 ALIGNED_A=1 ALIGNED_B=1
// variants: OUTPUT=bf16 BIAS=bf16 TRANSPOSE_A=1 TRANSPOSE_B=1 TILE_M=128 TILE_N=256 TILE_K=32 STAGES=4 WARPS_M=2 WARPS_N=4 ALIGNED_A=1 ALIGNED_B=1; OUTPUT=bf16 BIAS=bf16 TRANSPOSE_A=1 TRANSPOSE_B=1 TILE_M=128 TILE_N=128 TILE_K=32 STAGES=4 WARPS_M=2 WARPS_N=4 ALIGNED_A=1 ALIGNED_B=1; OUTPUT=bf16 BIAS=bf16 TRANSPOSE_A=1 TRANSPOSE_B=1 TILE_M=64 TILE_N=64 TILE_K=32 STAGES=4 WARPS_M=2 WARPS_N=2 ALIGNED_A=1 ALIGNED_B=1
// variants: OUTPUT=bf16 BIAS=float TRANSPOSE_A=0 TRANSPOSE_B=1 TILE_M=64 TILE_N=64 TILE_K=32 STAGES=4 WARPS_M=2 WARPS_N=2 ALIGNED_A=0 ALIGNED_B=1; OUTPUT=float BIAS=float TRANSPOSE_A=1 TRANSPOSE_B=0 TILE_M=128 TILE_N=128 TILE_K=32 STAGES=4 WARPS_M=2 WARPS_N=4 ALIGNED_A=1 ALIGNED_B=0

// Matrix product on tensor cores: bf16 operands, fp32 sums. Blocks of TILE_M × TILE_N, steps of TILE_K, STAGES steps in flight;
// WARPS_M × WARPS_N warps share a block's tile. ALIGNED_A, ALIGNED_B: addresses and distances are multiples of 16 bytes.
constexpr int Threads = 32 * WARPS_M * WARPS_N, WarpM = TILE_M / WARPS_M, WarpN = TILE_N / WARPS_N;
constexpr int FragmentsM = WarpM / 16, FragmentsN = WarpN / 8, StepsInTile = TILE_K / 16;

// Where a warp's sums leave room, two blocks share a multiprocessor: one computes while the other waits or stores.
constexpr int BlocksAtOnce = WarpM * WarpN <= 2048 && !(TRANSPOSE_A && TRANSPOSE_B) ? 2 : 1;
static_assert(WarpM % 16 == 0 && WarpN % 16 == 0 && TILE_K % 16 == 0, "warps take whole fragments");

typedef SwizzledTile<TRANSPOSE_A ? TILE_K : TILE_M, TRANSPOSE_A ? TILE_M : TILE_K, Threads, ALIGNED_A> TileA;
typedef SwizzledTile<TRANSPOSE_B ? TILE_N : TILE_K, TRANSPOSE_B ? TILE_K : TILE_N, Threads, ALIGNED_B> TileB;
constexpr int StageLength = TileA::Length + TileB::Length;

// The operands of a block, step by step along K.
struct Source
{
    const bf16 *a, *b;
    long long a_stride, b_stride, a_segment, b_segment;
    int rows, columns, k, at;

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

struct WarpFragments
{
    unsigned a[FragmentsM][4], b[FragmentsN / 2][4];

    __device__ __forceinline__ void load(const bf16* stage, LaneRows lane, int warp_m, int warp_n, int k)
    {
        #pragma unroll
        for (int i = 0; i < FragmentsM; i++)
            if (TRANSPOSE_A) TileA::load_a_transposed(a[i], stage, lane, warp_m + i * 16, k);
            else TileA::load_a(a[i], stage, lane, warp_m + i * 16, k);
        #pragma unroll
        for (int j = 0; j < FragmentsN / 2; j++)
            if (TRANSPOSE_B) TileB::load_b_transposed(b[j], stage + TileA::Length, lane, k, warp_n + j * 16);
            else TileB::load_b(b[j], stage + TileA::Length, lane, k, warp_n + j * 16);
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
        a_stride, b_stride, a_segment, b_segment, m - tile.row, n - tile.column, k, 0};
    source.a += TRANSPOSE_A ? (long long)tile.row : tile.row * a_stride;
    source.b += TRANSPOSE_B ? tile.column * b_stride : (long long)tile.column;

    source.skip(steps.first, steps.per_segment);

    const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
    const int warp_m = warp / WARPS_N * WarpM, warp_n = warp % WARPS_N * WarpN;
    const LaneRows lane_rows(lane);
    float sums[FragmentsM][FragmentsN][4];
    #pragma unroll
    for (int i = 0; i < FragmentsM; i++)
        #pragma unroll
        for (int j = 0; j < FragmentsN; j++)
            #pragma unroll
            for (int e = 0; e < 4; e++) sums[i][j][e] = 0;

    #pragma unroll
    for (int s = 0; s < STAGES - 1; s++)
    {
        if (steps.first + s < steps.end) source.load(stages + s * StageLength);
        commit_copies();
    }

    WarpFragments fragments[2];
    int read = 0, write = STAGES - 1;
    for (int step = steps.first; step < steps.end; step++)
    {
        // This step's stage has come, and all warps have left the one that is filled next.
        wait_copies<STAGES - 2>();
        __syncthreads();
        if (step + STAGES - 1 < steps.end) source.load(stages + write * StageLength);
        commit_copies();

        const bf16* stage = stages + read * StageLength;
        fragments[0].load(stage, lane_rows, warp_m, warp_n, 0);
        #pragma unroll
        for (int s = 0; s < StepsInTile; s++)
        {
            if (s + 1 < StepsInTile) fragments[(s + 1) % 2].load(stage, lane_rows, warp_m, warp_n, (s + 1) * 16);
            WarpFragments& now = fragments[s % 2];
            #pragma unroll
            for (int i = 0; i < FragmentsM; i++)
                #pragma unroll
                for (int j = 0; j < FragmentsN; j++)
                    multiply_add(sums[i][j], now.a[i], now.b[j / 2][j % 2 * 2], now.b[j / 2][j % 2 * 2 + 1]);
        }

        read = read + 1 == STAGES ? 0 : read + 1;
        write = write + 1 == STAGES ? 0 : write + 1;
    }

    wait_copies<0>();
    __syncthreads();

    // Sixteen rows at a time go through shared memory, so that a warp stores whole sectors.
    constexpr int Stride = WarpN + 4;
    static_assert(Threads / 32 * 16 * Stride * 4 <= STAGES * StageLength * 2, "the stages must hold the warps' rows");
    float* staged = (float*)stages + warp * 16 * Stride;
    const long long partial_stride = (n + 3) / 4 * 4;
    const GemmFinish finish = {c + sequence * c_sequence + head * c_head, bias,
        partials ? partials + (long long)blockIdx.y * m * partial_stride : partials, c_stride, partial_stride, alpha, accumulate != 0, vectors != 0};
    #pragma unroll
    for (int i = 0; i < FragmentsM; i++)
    {
        #pragma unroll
        for (int j = 0; j < FragmentsN; j++)
        {
            float* at = staged + lane / 4 * Stride + j * 8 + lane % 4 * 2;
            *(float2*)at = make_float2(sums[i][j][0], sums[i][j][1]);
            *(float2*)(at + 8 * Stride) = make_float2(sums[i][j][2], sums[i][j][3]);
        }

        __syncwarp();
        #pragma unroll 1
        for (int e = lane; e < 16 * WarpN / 4; e += 32)
        {
            int row = e / (WarpN / 4), column = e % (WarpN / 4) * 4;
            int target_row = tile.row + warp_m + i * 16 + row, target_column = tile.column + warp_n + column;
            if (target_row < m && target_column < n)
                finish.store(*(const float4*)(staged + row * Stride + column), target_row, target_column, min(n - target_column, 4));
        }

        __syncwarp();
    }
}
KERNEL(gemm)
