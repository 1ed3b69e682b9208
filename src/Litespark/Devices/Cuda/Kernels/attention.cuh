// What the flash-attention kernels share (FlashAttention-2, Dao 2023): operands, mask, tiles, products.
// q, o [B·T, H·HEAD_DIM], k, v [B·T, KV·HEAD_DIM], each with its own distance from row to row; query head h reads key head
// h / group. HEAD_DIM: a multiple of 8. Tiles hold Dim columns: HEAD_DIM padded with zeros to whole 16-element steps.

constexpr int Dim = (HEAD_DIM + 15) / 16 * 16;
constexpr float Log2E = 1.4426950408889634f;

typedef PaddedTile<Dim> Tile;
typedef Fragments<Dim> TileFragments;

// Query t of a sequence sees the keys first(t) … t: its document, at most the window, never the future.
struct Mask
{
    // Score of a hidden key, and the maximum of a row that has seen none.
    static constexpr float Hidden = -1e30f;

    const int* starts;
    int tokens, window;

    __device__ __forceinline__ int first(int token) const
    {
        return window > 0 ? max(starts[token], token - window + 1) : starts[token];
    }
};

// Starts the copy of `live` rows into a tile of Rows rows; the others become zeros.
template <int Rows, int Threads> __device__ __forceinline__ void load_rows(bf16* tile, const bf16* source, long long stride, int live)
{
    constexpr int Chunks = Dim / 8;
    #pragma unroll
    for (int i = threadIdx.x; i < Rows * Chunks; i += Threads)
    {
        int row = i / Chunks, chunk = i % Chunks;
        bool exists = row < live && chunk < HEAD_DIM / 8;
        copy_async(tile + row * Tile::Stride + chunk * 8, exists ? source + row * stride + chunk * 8 : source, exists ? 16 : 0);
    }
}

// sums += a · bᵀ over the head's columns: a from the tile's rows [row, row + 16 R), b all rows of its tile.
template <int R, int C>
__device__ __forceinline__ void multiply_rows(float (&sums)[R][C][4], const bf16* a_tile, int row, const bf16* b_tile, const TileFragments& lane)
{
    #pragma unroll
    for (int k = 0; k < Dim; k += 16)
    {
        unsigned a[R][4];
        #pragma unroll
        for (int i = 0; i < R; i++) lane.load_a(a[i], a_tile, row + i * 16, k);
        #pragma unroll
        for (int j = 0; j < C / 2; j++)
        {
            unsigned b[4];
            lane.load_b(b, b_tile, j * 16, k);
            #pragma unroll
            for (int i = 0; i < R; i++)
            {
                multiply_add(sums[i][2 * j], a[i], b[0], b[1]);
                multiply_add(sums[i][2 * j + 1], a[i], b[2], b[3]);
            }
        }
    }
}

// sums += weights · tile[:, column …]: the sums of one product, rounded to bf16, are the left operand of the next. Their layouts
// agree: two neighbouring 16 × 8 results make one 16 × 16 operand.
template <int R, int K, int C>
__device__ __forceinline__ void multiply_weights(float (&sums)[R][C][4], const float (&weights)[R][K][4], const bf16* tile, int column, const TileFragments& lane)
{
    #pragma unroll
    for (int k = 0; k < K / 2; k++)
    {
        unsigned a[R][4];
        #pragma unroll
        for (int i = 0; i < R; i++)
        {
            const float (&left)[4] = weights[i][2 * k];
            const float (&right)[4] = weights[i][2 * k + 1];
            a[i][0] = pack_bf16(left[0], left[1]);
            a[i][1] = pack_bf16(left[2], left[3]);
            a[i][2] = pack_bf16(right[0], right[1]);
            a[i][3] = pack_bf16(right[2], right[3]);
        }

        #pragma unroll
        for (int j = 0; j < C / 2; j++)
        {
            unsigned b[4];
            lane.load_b_transposed(b, tile, k * 16, column + j * 16);
            #pragma unroll
            for (int i = 0; i < R; i++)
            {
                multiply_add(sums[i][2 * j], a[i], b[0], b[1]);
                multiply_add(sums[i][2 * j + 1], a[i], b[2], b[3]);
            }
        }
    }
}

template <int R, int C> __device__ __forceinline__ void clear(float (&sums)[R][C][4])
{
    #pragma unroll
    for (int i = 0; i < R; i++)
        #pragma unroll
        for (int j = 0; j < C; j++)
            #pragma unroll
            for (int e = 0; e < 4; e++) sums[i][j][e] = 0;
}

// Writes a warp's sums, times a factor for each row, to rows of global memory that exist. They go through the warp's own rows of a
// tile that nobody reads any more, so that a row is stored in 16-byte pieces.
template <int R, int C>
__device__ __forceinline__ void store_rows(const float (&sums)[R][C][4], const float (&factors)[R][2], bf16* tile, bf16* target, long long stride, int live, int column)
{
    const int lane = threadIdx.x % 32;
    __syncwarp();
    #pragma unroll
    for (int i = 0; i < R; i++)
        #pragma unroll
        for (int j = 0; j < C; j++)
            #pragma unroll
            for (int h = 0; h < 2; h++)
            {
                bf16* at = tile + (i * 16 + h * 8 + lane / 4) * Tile::Stride + j * 8 + lane % 4 * 2;
                *(unsigned*)at = pack_bf16(sums[i][j][2 * h] * factors[i][h], sums[i][j][2 * h + 1] * factors[i][h]);
            }

    __syncwarp();
    for (int e = lane; e < R * 16 * C; e += 32)
    {
        int row = e / C, chunk = e % C;
        if (row < live && column + chunk * 8 < HEAD_DIM)
            store16(target + row * stride + column + chunk * 8, load16(tile + row * Tile::Stride + chunk * 8));
    }
}

// Least and greatest of a warp's values.
__device__ __forceinline__ int warp_min(int value)
{
    #pragma unroll
    for (int x = 16; x > 0; x /= 2) value = min(value, __shfl_xor_sync(0xFFFFFFFFu, value, x));
    return value;
}

__device__ __forceinline__ int warp_max(int value)
{
    #pragma unroll
    for (int x = 16; x > 0; x /= 2) value = max(value, __shfl_xor_sync(0xFFFFFFFFu, value, x));
    return value;
}

// The four lanes that share a row.
__device__ __forceinline__ float row_max(float value)
{
    value = fmaxf(value, __shfl_xor_sync(0xFFFFFFFFu, value, 1));
    return fmaxf(value, __shfl_xor_sync(0xFFFFFFFFu, value, 2));
}

__device__ __forceinline__ float row_sum(float value)
{
    value += __shfl_xor_sync(0xFFFFFFFFu, value, 1);
    return value + __shfl_xor_sync(0xFFFFFFFFu, value, 2);
}
