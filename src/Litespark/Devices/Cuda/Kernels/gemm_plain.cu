#include "device.cuh"
#include "gemm.cuh"
// variants: OUTPUT=float BIAS=float TRANSPOSE_A=0 TRANSPOSE_B=1 ELEMENT_A=float ELEMENT_B=float; OUTPUT=bf16 BIAS=bf16 TRANSPOSE_A=1 TRANSPOSE_B=0 ELEMENT_A=bf16 ELEMENT_B=float

// Matrix product without tensor cores, for any element types (ELEMENT_A, ELEMENT_B): fp32 sums of fp32 products, in order of k.
// Blocks of 64 × 64 with 256 threads, 4 × 4 sums each.
typedef ELEMENT_A element_a;
typedef ELEMENT_B element_b;
constexpr int Tile = 64, TileK = 16, Threads = 256, Pitch = Tile + 4;

// Fills tile[TileK][Tile]: [x, y] from x along K and y along the other side; neighbouring threads read neighbouring elements.
template <bool AlongK, class Element>
__device__ __forceinline__ void load_tile(float* tile, const Element* source, long long stride, int k, int rows)
{
    #pragma unroll
    for (int e = threadIdx.x; e < Tile * TileK; e += Threads)
    {
        int x = AlongK ? e % TileK : e / Tile, y = AlongK ? e / TileK : e % Tile;
        const Element* at = source + (AlongK ? y * stride + x : x * stride + y);
        tile[x * Pitch + y] = x < k && y < rows ? to_float(*at) : 0.0f;
    }
}

// Grid and arguments as in gemm.cu. Shared memory: 2 · TileK · Pitch floats.
extern "C" __global__ void __launch_bounds__(Threads, 3) gemm_plain(
    const element_a* a, const element_b* b, output* c, const bias_element* bias, float* partials,
    int m, int n, int k, long long a_stride, long long b_stride, long long c_stride, float alpha, int accumulate, int vectors,
    int heads, int group, long long a_sequence, long long a_head, long long b_sequence, long long b_head, long long c_sequence, long long c_head,
    int segments, long long a_segment, long long b_segment)
{
    SHARED_MEMORY(float, tiles);
    float *a_tile = tiles, *b_tile = tiles + TileK * Pitch;
    const TilePosition tile(blockIdx.x, m, n, Tile, Tile);
    const int sequence = tile.batch / heads, head = tile.batch % heads;
    const GemmShape shape = {m, n, k, segments};
    const StepRange steps(shape, TileK, blockIdx.y, gridDim.y);
    a += sequence * a_sequence + head * a_head + (TRANSPOSE_A ? (long long)tile.row : tile.row * a_stride);
    b += sequence * b_sequence + head / group * b_head + (TRANSPOSE_B ? tile.column * b_stride : (long long)tile.column);

    const int row = threadIdx.x / 16 * 4, column = threadIdx.x % 16 * 4;
    float sums[4][4] = {};
    for (int step = steps.first; step < steps.end; step++)
    {
        int segment = step / steps.per_segment, at = (step - segment * steps.per_segment) * TileK;
        load_tile<!TRANSPOSE_A>(a_tile, a + segment * a_segment + (TRANSPOSE_A ? at * a_stride : (long long)at), a_stride, k - at, m - tile.row);
        load_tile<TRANSPOSE_B>(b_tile, b + segment * b_segment + (TRANSPOSE_B ? (long long)at : at * b_stride), b_stride, k - at, n - tile.column);
        __syncthreads();
        #pragma unroll
        for (int x = 0; x < TileK; x++)
        {
            float4 left = *(const float4*)(a_tile + x * Pitch + row), right = *(const float4*)(b_tile + x * Pitch + column);
            const float l[4] = {left.x, left.y, left.z, left.w}, r[4] = {right.x, right.y, right.z, right.w};
            #pragma unroll
            for (int i = 0; i < 4; i++)
                #pragma unroll
                for (int j = 0; j < 4; j++) sums[i][j] += l[i] * r[j];
        }

        __syncthreads();
    }

    const long long partial_stride = (n + 3) / 4 * 4;
    const GemmFinish finish = {c + sequence * c_sequence + head * c_head, bias,
        partials ? partials + (long long)blockIdx.y * m * partial_stride : partials, c_stride, partial_stride, alpha, accumulate != 0, vectors != 0};
    #pragma unroll
    for (int i = 0; i < 4; i++)
    {
        int target_row = tile.row + row + i, target_column = tile.column + column;
        if (target_row < m && target_column < n)
            finish.store(make_float4(sums[i][0], sums[i][1], sums[i][2], sums[i][3]), target_row, target_column, min(n - target_column, 4));
    }
}
KERNEL(gemm_plain)
