// What all matrix products share: which part of the problem a block computes, and what becomes of its sums.
// C[M, N] = alpha · op(A)[M, K] · op(B)[K, N] (+ bias[N] on every row) (+ C). Macros: OUTPUT and BIAS, the element types of C and
// of the bias; TRANSPOSE_A (A is [K, M]) and TRANSPOSE_B (B is [N, K]), 0 or 1.
// A batch has one product per sequence and head; `group` heads share one B, and `segments` pieces of K lie apart (the query heads
// whose gradients a key head sums). One product is a batch of one sequence and one head. Strides and distances in elements.

typedef OUTPUT output;
typedef BIAS bias_element;

struct GemmShape
{
    int m, n, k, segments;
};

// How to finish a sum: alpha, bias and C itself; or as a partial sum of a split K, for gemm_sum to finish.
struct GemmFinish
{
    output* c;
    const bias_element* bias;
    float* partials;
    long long stride, partial_stride;
    float alpha;
    bool accumulate, vectors;

    __device__ __forceinline__ float finished(float sum, int row, int column) const
    {
        float value = alpha * sum;
        if (bias) value += to_float(bias[column]);
        if (accumulate) value += to_float(c[row * stride + column]);
        return value;
    }

    // Finishes four neighbouring sums of a row, of which `count` exist.
    __device__ __forceinline__ void store(float4 sums, int row, int column, int count) const
    {
        const float sum[4] = {sums.x, sums.y, sums.z, sums.w};
        if (partials)
        {
            // Rows of partials are padded to whole vectors.
            *(float4*)(partials + row * partial_stride + column) = sums;
        }
        else if (count == 4 && vectors)
        {
            struct alignas(4 * sizeof(output)) Four { output e[4]; } four;
            Four* target = (Four*)(c + row * stride + column);
            if (accumulate) four = *target;
            #pragma unroll
            for (int i = 0; i < 4; i++)
            {
                float value = alpha * sum[i];
                if (bias) value += to_float(bias[column + i]);
                if (accumulate) value += to_float(four.e[i]);
                four.e[i] = from_float<output>(value);
            }
            *target = four;
        }
        else
        {
            #pragma unroll
            for (int i = 0; i < 4; i++)
                if (i < count) c[row * stride + column + i] = from_float<output>(finished(sum[i], row, column + i));
        }
    }
};

// A block's tile of C. Tiles go down eight rows of tiles before they go right, so that blocks that run together share A and B in
// the second-level cache.
struct TilePosition
{
    int row, column, batch;

    __device__ __forceinline__ TilePosition(int block, int m, int n, int tile_m, int tile_n)
    {
        const int Rows = 8;
        int down = (m + tile_m - 1) / tile_m, right = (n + tile_n - 1) / tile_n;
        batch = block / (down * right);
        block -= batch * (down * right);
        int band = block / (Rows * right), first = band * Rows, rows = min(down - first, Rows);
        block -= band * (Rows * right);
        row = (first + block % rows) * tile_m;
        column = block / rows * tile_n;
    }
};

// Where the steps along K of one block begin and end; step s is step s mod steps-per-segment of segment s / steps-per-segment.
struct StepRange
{
    int per_segment, first, end;

    __device__ __forceinline__ StepRange(GemmShape shape, int tile_k, int split, int splits)
    {
        per_segment = (shape.k + tile_k - 1) / tile_k;
        int all = per_segment * shape.segments, each = (all + splits - 1) / splits;
        first = min(split * each, all);
        end = min(first + each, all);
    }
};
