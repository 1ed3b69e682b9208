// The tiles of 128 × 128 of which a weight's gradient is wanted, those of live blocks or of all, two by two along the rows of tiles: a pair
// reads its rows of the left operand once. Pairs have numbers from the first row on; a few numbers have no pair.
constexpr int TileSide = 128;

struct TilePair
{
    int row, column, second; // first row and columns, −1: there is no such tile
};

struct TilePairs
{
    BlockGrid grid; // equal blocks, their sides multiples of a tile's
    int down, right; // tiles in a block
    bool all;

    static __device__ __forceinline__ TilePairs of(const int* topology, int row_blocks, int column_blocks, int block_rows, int block_columns)
    {
        const BlockGrid grid = {0, topology, row_blocks, column_blocks, block_columns, column_blocks * block_columns};
        return {grid, block_rows / TileSide, block_columns / TileSide, grid.wants_dense_gradients()};
    }

    __device__ __forceinline__ int rows() const { return grid.row_blocks * down; }

    // Blocks above a block row.
    __device__ __forceinline__ int above(int i) const { return all ? i * grid.column_blocks : grid.row_pointers()[i]; }

    // Number of a row's first pair, or of all pairs: with t tiles above row r, the integer part of (t + r) / 2. From row to row that grows by half of
    // the row's tiles, rounded up, or by one more.
    __device__ __forceinline__ int first(int row) const
    {
        const int i = row / down, within = row % down;
        const int tiles = above(i) * down + (within > 0 ? within * (above(i + 1) - above(i)) : 0);
        return (tiles * right + row) / 2;
    }

    __device__ __forceinline__ int count() const { return first(rows()); }

    __device__ __forceinline__ TilePair operator[](int number) const
    {
        int row = 0, end = rows();
        while (end - row > 1)
        {
            const int middle = (row + end) / 2;
            if (first(middle) <= number) row = middle;
            else end = middle;
        }

        const int i = row / down, left = 2 * (number - first(row)), tiles = (above(i + 1) - above(i)) * right;
        return {row * TileSide, left < tiles ? column(i, left) : -1, left + 1 < tiles ? column(i, left + 1) : -1};
    }

private:
    // First column of a tile of block row i.
    __device__ __forceinline__ int column(int i, int tile) const
    {
        const int block = tile / right;
        return ((all ? block : grid.column_indices()[above(i) + block]) * right + tile % right) * TileSide;
    }
};

// How the work is shared out among as many workers as run at once. As many pairs as come out even are computed whole; each of the rest in some
// parts of the steps, whose sums are added up in order afterwards. It follows from the number of pairs alone, so results keep their bits.
struct PairCut
{
    // A model to choose with, in steps of a pair's product; orders of magnitude, not measurements.
    static constexpr int MostParts = 16, Storing = 4, AddingUp = 10;

    int whole, rest, parts, steps, each; // each: the steps of a part; behind the last token come zeros

    // room: for the sums of so many parts.
    __device__ __forceinline__ PairCut(int pairs, int all_steps, int workers, int room)
        : whole(pairs / workers * workers), rest(pairs - whole), parts(1), steps(all_steps), each(all_steps)
    {
        int least = ceiling_division(rest, workers) * (steps + Storing);
        for (int p = 2; p <= MostParts; p++)
        {
            const int part = ceiling_division(steps, p), cost = ceiling_division(rest * p, workers) * (part + Storing) + AddingUp;
            if (cost >= least || rest * p > room || (p - 1) * part >= steps) continue;
            least = cost;
            parts = p;
            each = part;
        }
    }

    // Pieces of work in the order in which they are drawn: part by part, so that what is computed at a time reads the same tokens.
    __device__ __forceinline__ int pieces() const { return whole + rest * parts; }
    __device__ __forceinline__ int pair(int piece) const { return piece < whole ? piece : whole + (piece - whole) % rest; }
    __device__ __forceinline__ int begin(int piece) const { return piece < whole ? 0 : (piece - whole) / rest * each; }
    __device__ __forceinline__ int length(int piece) const { return piece < whole ? steps : each; }

    // Number of a part among those that are added up; negative: the sums are final.
    __device__ __forceinline__ int part(int piece) const { return parts == 1 ? -1 : piece - whole; }
};
