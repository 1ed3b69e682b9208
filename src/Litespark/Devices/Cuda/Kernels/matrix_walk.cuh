// How a grid goes through a matrix whose rows are runs of elements: blocks along x share the packs of a row, blocks along y the rows.

// Calls body(row, cut, pack) for this thread's packs; `data` is the operand by whose alignment the rows are cut.
template <class T, class Body> __device__ inline void for_matrix(const T* data, int64 stride, int rows, int64 columns, Body body)
{
    for (int row = blockIdx.y; row < rows; row += gridDim.y)
    {
        const Cut cut(data + row * stride, columns);
        for (int64 pack = (int64)blockIdx.x * blockDim.x + threadIdx.x; pack < cut.packs; pack += (int64)gridDim.x * blockDim.x) body(row, cut, pack);
    }
}
