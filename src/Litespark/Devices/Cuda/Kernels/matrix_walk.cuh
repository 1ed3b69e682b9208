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

// The same with AHEAD packs at a time: calls finish(row, cut, pack, load(row, cut, pack)) for each, all loads before the first result. A thread
// that loads one pack, computes and stores it has nothing on its way from memory in the meantime.
#ifdef AHEAD
template <class T, class Load, class Finish> __device__ inline void for_matrix_ahead(const T* data, int64 stride, int rows, int64 columns, Load load, Finish finish)
{
    for (int row = blockIdx.y; row < rows; row += gridDim.y)
    {
        const Cut cut(data + row * stride, columns);
        for (int64 first = (int64)blockIdx.x * AHEAD * blockDim.x + threadIdx.x; first < cut.packs; first += (int64)gridDim.x * AHEAD * blockDim.x)
        {
            decltype(load(row, cut, first)) held[AHEAD];
#pragma unroll
            for (int i = 0; i < AHEAD; i++)
                if (first + i * blockDim.x < cut.packs) held[i] = load(row, cut, first + i * blockDim.x);
#pragma unroll
            for (int i = 0; i < AHEAD; i++)
                if (first + i * blockDim.x < cut.packs) finish(row, cut, first + i * blockDim.x, held[i]);
        }
    }
}
#endif
