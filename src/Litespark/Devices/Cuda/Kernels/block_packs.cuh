// The packs of a matrix's block for a block of THREADS threads: the grid's x is the matrix's blocks, row by row. With VECTOR above 1 every row
// of a block is whole packs at aligned addresses.

__device__ inline bool is_own_block_live(const BlockGrid& grid) { return grid.is_live(blockIdx.x / grid.column_blocks, blockIdx.x % grid.column_blocks); }

__device__ inline int elements_of(const BlockGrid& grid)
{
    const int i = blockIdx.x / grid.column_blocks, j = blockIdx.x % grid.column_blocks;
    return (grid.row_start(i + 1) - grid.row_start(i)) * (grid.column_start(j + 1) - grid.column_start(j));
}

// Calls body(offset) for this thread's packs, rows `stride` elements apart.
template <class Body> __device__ inline void for_block_packs(const BlockGrid& grid, int64 stride, Body body)
{
    const int i = blockIdx.x / grid.column_blocks, j = blockIdx.x % grid.column_blocks;
    const int first = grid.row_start(i), rows = grid.row_start(i + 1) - first, column = grid.column_start(j), packs = (grid.column_start(j + 1) - column) / VECTOR;
    for (int index = threadIdx.x; index < rows * packs; index += THREADS) body((first + index / packs) * stride + column + index % packs * VECTOR);
}
