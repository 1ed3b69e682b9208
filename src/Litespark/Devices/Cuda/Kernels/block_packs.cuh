// A matrix's blocks shared among teams of threads (teams.cuh), a block each, row by row; a block of threads has several where a matrix's blocks
// are small. With VECTOR above 1 every row of a block is whole packs at aligned addresses.
struct TeamBlock
{
    int number, i, j, first, rows, column, columns; // of the last teams of a launch some have no block: no rows

    __device__ TeamBlock(const BlockGrid& grid) : number(blockIdx.x * team_count + team_index())
    {
        i = number / grid.column_blocks;
        j = number % grid.column_blocks;
        const bool exists = i < grid.row_blocks;
        first = exists ? grid.row_start(i) : 0;
        rows = exists ? grid.row_start(i + 1) - first : 0;
        column = grid.column_start(j);
        columns = grid.column_start(j + 1) - column;
    }

    __device__ bool exists() const { return rows > 0; }

    __device__ bool is_live(const BlockGrid& grid) const { return exists() && grid.is_live(i, j); }

    // Calls body(offset) for this thread's packs, rows `stride` elements apart.
    template <class Body> __device__ void for_packs(int64 stride, Body body) const
    {
        const int packs = columns / VECTOR;
        for (int index = team_lane(); index < rows * packs; index += TEAM) body((first + index / packs) * stride + column + index % packs * VECTOR);
    }
};
