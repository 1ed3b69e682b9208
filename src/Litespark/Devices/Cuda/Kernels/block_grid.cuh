// A weight matrix [rows, columns] in blocks, each live or dead as a whole (BlockGrid.cs, BlockTopology.cs). Members that are stacked along the rows
// may make block rows of different heights; all block columns but the last are equally wide. What is live is written by the host between
// launches: [0] the mode, [1] the number L of live blocks, then by rows R + 1 pointers and room for R · C block columns (ascending within a row,
// the first L count), then by columns C + 1 pointers and room for R · C block rows, then the block rows and the block columns by how many blocks
// of them live, most first. A launch's shape and arguments depend on none of it.
struct BlockGrid
{
    const int *row_starts, *topology; // R + 1 first rows; the buffer
    int row_blocks, column_blocks, block_columns, columns;

    __device__ __forceinline__ int row_start(int i) const { return row_starts[i]; }
    __device__ __forceinline__ int column_start(int j) const { return min(j * block_columns, columns); }

    __device__ __forceinline__ const int* row_pointers() const { return topology + 2; }
    __device__ __forceinline__ const int* column_indices() const { return row_pointers() + row_blocks + 1; }
    __device__ __forceinline__ const int* column_pointers() const { return column_indices() + row_blocks * column_blocks; }
    __device__ __forceinline__ const int* row_indices() const { return column_pointers() + column_blocks + 1; }
    __device__ __forceinline__ const int* rows_by_length() const { return row_indices() + row_blocks * column_blocks; }
    __device__ __forceinline__ const int* columns_by_length() const { return rows_by_length() + row_blocks; }

    // Weight gradients are wanted of all blocks.
    __device__ __forceinline__ bool wants_dense_gradients() const { return topology[0] == 1; }

    __device__ __forceinline__ bool is_live(int i, int j) const
    {
        const int* list = column_indices();
        int low = row_pointers()[i], end = row_pointers()[i + 1], high = end;
        while (low < high)
        {
            int middle = (low + high) / 2;
            if (list[middle] < j) low = middle + 1;
            else high = middle;
        }

        return low < end && list[low] == j;
    }
};
