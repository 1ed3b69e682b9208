// A tile of an operand in shared memory, [Rows, Width] without gaps; within a row the chunks of 8 elements change places by the
// row, so that eight rows of one chunk column lie in different banks (the permutation is its own inverse).

template <int Rows, int Width, int Threads, bool Aligned> struct SwizzledTile
{
    static constexpr int Chunks = Width / 8, Length = Rows * Width, RowsAtOnce = Threads / Chunks;
    static_assert(Width == 32 || Width % 64 == 0, "a row must be half of, or whole, 128-byte lines");
    static_assert(Threads % Chunks == 0 && Rows % RowsAtOnce == 0, "every thread must copy as many chunks as the others");

    static __device__ __forceinline__ int offset(int row, int chunk)
    {
        return row * Width + (chunk ^ (Width == 32 ? row >> 1 & 3 : row & 7)) * 8;
    }

    // Copies source[0 … rows, 0 … columns] and zeros behind its edges; asynchronously where 16-byte accesses are possible.
    static __device__ __forceinline__ void load(bf16* tile, const bf16* source, long long stride, int rows, int columns)
    {
        int chunk = threadIdx.x % Chunks, first = threadIdx.x / Chunks;
        int live = min(max(columns - chunk * 8, 0), 8);
        #pragma unroll
        for (int row = first; row < Rows; row += RowsAtOnce)
        {
            int count = row < rows ? live : 0;
            const bf16* from = source + row * stride + chunk * 8;
            bf16* to = tile + offset(row, chunk);
            if (Aligned) copy_async(to, count > 0 ? from : source, count * 2);
            else copy_elements(to, from, count);
        }
    }

    // Fragment of op(A) in the rows [m, m + 16), columns [k, k + 16); the tile is op(A)'s own orientation …
    static __device__ __forceinline__ void load_a(unsigned (&a)[4], const bf16* tile, LaneRows lane, int m, int k)
    {
        load_matrices(a, tile + offset(m + lane.down_row, k / 8 + lane.down_chunk));
    }

    // … or transposed.
    static __device__ __forceinline__ void load_a_transposed(unsigned (&a)[4], const bf16* tile, LaneRows lane, int m, int k)
    {
        load_matrices_transposed(a, tile + offset(k + lane.right_row, m / 8 + lane.right_chunk));
    }

    // Fragments of op(B) in the rows [k, k + 16), columns [n, n + 8) and [n + 8, n + 16); the tile is op(B)'s own orientation …
    static __device__ __forceinline__ void load_b(unsigned (&b)[4], const bf16* tile, LaneRows lane, int k, int n)
    {
        load_matrices_transposed(b, tile + offset(k + lane.down_row, n / 8 + lane.down_chunk));
    }

    // … or transposed.
    static __device__ __forceinline__ void load_b_transposed(unsigned (&b)[4], const bf16* tile, LaneRows lane, int k, int n)
    {
        load_matrices(b, tile + offset(n + lane.right_row, k / 8 + lane.right_chunk));
    }

private:
    static __device__ __forceinline__ void copy_elements(bf16* to, const bf16* from, int count)
    {
        unsigned short bits[8];
        #pragma unroll
        for (int i = 0; i < 8; i++) bits[i] = i < count ? ((const unsigned short*)from)[i] : (unsigned short)0;
        *(uint4*)to = make_uint4(bits[0] | bits[1] << 16, bits[2] | bits[3] << 16, bits[4] | bits[5] << 16, bits[6] | bits[7] << 16);
    }
};
