#include "device.cuh"
#include "packs.cuh"
#include "cuts.cuh"
#include "matrix_walk.cuh"

// variants: ELEMENT=bf16 RESULT=bf16 VECTOR=8; ELEMENT=bf16 RESULT=float VECTOR=8; ELEMENT=float RESULT=bf16 VECTOR=8; ELEMENT=float RESULT=float VECTOR=4; ELEMENT=bf16 RESULT=bf16 VECTOR=1

// Element-wise ops of matrices; y may be one of the operands. Numbers are computed in fp32 and rounded once.
typedef ELEMENT element;
typedef RESULT result;

// y = x in another element type, or the same.
extern "C" __global__ void convert(const element* x, int64 x_stride, result* y, int64 y_stride, int rows, int64 columns)
{
    for_matrix(y, y_stride, rows, columns, [=](int row, const Cut& cut, int64 pack) {
        const Pack<element> from = cut.load(x + row * x_stride, pack);
        float values[VECTOR];
#pragma unroll
        for (int i = 0; i < VECTOR; i++) values[i] = from[i];
        cut.store(y + row * y_stride, pack, values);
    });
}
KERNEL(convert)

// y = x · factor.
extern "C" __global__ void scale(const element* x, int64 x_stride, float factor, result* y, int64 y_stride, int rows, int64 columns)
{
    for_matrix(y, y_stride, rows, columns, [=](int row, const Cut& cut, int64 pack) {
        const Pack<element> from = cut.load(x + row * x_stride, pack);
        float values[VECTOR];
#pragma unroll
        for (int i = 0; i < VECTOR; i++) values[i] = from[i] * factor;
        cut.store(y + row * y_stride, pack, values);
    });
}
KERNEL(scale)

// All of y is one number.
extern "C" __global__ void fill(float content, result* y, int64 y_stride, int rows, int64 columns)
{
    for_matrix(y, y_stride, rows, columns, [=](int row, const Cut& cut, int64 pack) {
        float values[VECTOR];
#pragma unroll
        for (int i = 0; i < VECTOR; i++) values[i] = content;
        cut.store(y + row * y_stride, pack, values);
    });
}
KERNEL(fill)

template <class Operation> __device__ inline void combine(
    const element* a, int64 a_stride, const element* b, int64 b_stride, result* y, int64 y_stride, int rows, int64 columns, Operation operation)
{
    for_matrix(y, y_stride, rows, columns, [=](int row, const Cut& cut, int64 pack) {
        const Pack<element> left = cut.load(a + row * a_stride, pack), right = cut.load(b + row * b_stride, pack);
        float values[VECTOR];
#pragma unroll
        for (int i = 0; i < VECTOR; i++) values[i] = operation(left[i], right[i]);
        cut.store(y + row * y_stride, pack, values);
    });
}

// y = a + b.
extern "C" __global__ void add(const element* a, int64 a_stride, const element* b, int64 b_stride, result* y, int64 y_stride, int rows, int64 columns)
{
    combine(a, a_stride, b, b_stride, y, y_stride, rows, columns, [](float left, float right) { return left + right; });
}
KERNEL(add)

// y = a ∘ b.
extern "C" __global__ void multiply(const element* a, int64 a_stride, const element* b, int64 b_stride, result* y, int64 y_stride, int rows, int64 columns)
{
    combine(a, a_stride, b, b_stride, y, y_stride, rows, columns, [](float left, float right) { return left * right; });
}
KERNEL(multiply)
