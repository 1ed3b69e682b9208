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
        // Rows of partials are padded to whole vectors.
        if (partials) return put(partials + row * partial_stride + column, sums);
        float sum[4] = {sums.x, sums.y, sums.z, sums.w};
        if (count < 4 || !vectors)
        {
            #pragma unroll
            for (int i = 0; i < 4; i++)
                if (i < count) c[row * stride + column + i] = from_float<output>(finished(sum[i], row, column + i));
            return;
        }

        output* at = c + row * stride + column;
        float4 old = accumulate ? get(at) : make_float4(0, 0, 0, 0);
        const float before[4] = {old.x, old.y, old.z, old.w};
        #pragma unroll
        for (int i = 0; i < 4; i++) sum[i] = alpha * sum[i] + (bias ? to_float(bias[column + i]) : 0.0f) + before[i];
        put(at, make_float4(sum[0], sum[1], sum[2], sum[3]));
    }

    // Four elements in one access.
    static __device__ __forceinline__ float4 get(const float* from) { return *(const float4*)from; }
    static __device__ __forceinline__ float4 get(const bf16* from)
    {
        uint2 pairs = load8(from);
        float2 low = unpack_bf16(pairs.x), high = unpack_bf16(pairs.y);
        return make_float4(low.x, low.y, high.x, high.y);
    }

    static __device__ __forceinline__ void put(float* to, float4 x)
    {
        store16(to, make_uint4(__float_as_uint(x.x), __float_as_uint(x.y), __float_as_uint(x.z), __float_as_uint(x.w)));
    }

    static __device__ __forceinline__ void put(bf16* to, float4 x) { store8(to, make_uint2(pack_bf16(x.x, x.y), pack_bf16(x.z, x.w))); }
};

// A block's tile of C. Tiles go down some rows of tiles before they go right, so that blocks that run together share A and B in the
// second-level cache.
struct TilePosition
{
    int row, column, batch;

    __device__ __forceinline__ TilePosition(int block, int m, int n, int tile_m, int tile_n, int rows_at_once = 8)
    {
        int down = (m + tile_m - 1) / tile_m, right = (n + tile_n - 1) / tile_n;
        batch = block / (down * right);
        block -= batch * (down * right);
        int band = block / (rows_at_once * right), first = band * rows_at_once, rows = min(down - first, rows_at_once);
        block -= band * (rows_at_once * right);
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
