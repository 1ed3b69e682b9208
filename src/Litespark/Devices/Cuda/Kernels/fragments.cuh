// Operands of 16 × 8 × 16 products out of tiles in shared memory. A tile is addressed row by row, in chunks of 8 elements (16 bytes).

// A tile whose rows lie 16 bytes further apart than a multiple of 32 bytes: eight rows of one chunk column then lie in different
// banks (the row's length in chunks is odd), and all offsets but the lane's are known when the kernel is compiled.
template <int Columns> struct PaddedTile
{
    static_assert(Columns % 16 == 0, "rows must be whole 16-element steps");
    static constexpr int Stride = Columns + 8;

    static __device__ __forceinline__ constexpr int Length(int rows) { return rows * Stride; }
};

// Which rows and chunks a lane addresses in a load of four matrices. "Down": matrices 0, 1 below each other, then 2, 3 to the
// right. "Right": 0, 1 beside each other, then 2, 3 below.
struct LaneRows
{
    int down_row, down_chunk, right_row, right_chunk;

    __device__ __forceinline__ LaneRows(int lane)
        : down_row(lane % 16), down_chunk(lane / 16), right_row(lane % 8 + lane / 16 * 8), right_chunk(lane / 8 % 2)
    {
    }
};

// Fragments out of a padded tile. What is called "rows" of a product's operand may be the columns of the tile (…_transposed).
template <int Columns> struct Fragments
{
    static constexpr int Stride = PaddedTile<Columns>::Stride;
    int down, right;

    __device__ __forceinline__ Fragments(LaneRows lane)
        : down(lane.down_row * Stride + lane.down_chunk * 8), right(lane.right_row * Stride + lane.right_chunk * 8)
    {
    }

    // a[16, 16] from tile[row …, column …].
    __device__ __forceinline__ void load_a(unsigned (&a)[4], const bf16* tile, int row, int column) const
    {
        load_matrices(a, tile + row * Stride + column + down);
    }

    // Two b[16, 8] side by side whose columns are the tile's rows: b[k, n] = tile[row + n, column + k], n < 16.
    // {b[0], b[1]} is the left one, {b[2], b[3]} the right one.
    __device__ __forceinline__ void load_b(unsigned (&b)[4], const bf16* tile, int row, int column) const
    {
        load_matrices(b, tile + row * Stride + column + right);
    }

    // Two b[16, 8] side by side as they lie in the tile: b[k, n] = tile[row + k, column + n], n < 16.
    __device__ __forceinline__ void load_b_transposed(unsigned (&b)[4], const bf16* tile, int row, int column) const
    {
        load_matrices_transposed(b, tile + row * Stride + column + down);
    }
};
