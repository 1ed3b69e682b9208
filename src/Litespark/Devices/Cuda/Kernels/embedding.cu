#include "device.cuh"
#include "packs.cuh"
#include "cuts.cuh"

// variants: ELEMENT=bf16 VECTOR=8; ELEMENT=float VECTOR=4; ELEMENT=bf16 VECTOR=1

// Table lookup. N tokens, V vocabulary, D width.
typedef ELEMENT element;

// y[n] = table[indices[n]], plus what y held if accumulate (learned positions). Blocks along y share the tokens.
extern "C" __global__ void embedding(const int* indices, const element* table, int64 table_stride, element* y, int64 y_stride, int tokens, int columns, int accumulate)
{
    for (int token = blockIdx.y; token < tokens; token += gridDim.y)
    {
        const element* from = table + indices[token] * table_stride;
        element* to = y + token * y_stride;
        const Cut cut(to, columns);
        for (int64 pack = blockIdx.x * blockDim.x + threadIdx.x; pack < cut.packs; pack += gridDim.x * blockDim.x)
        {
            const Pack<element> row = cut.load(from, pack);
            float values[VECTOR];
#pragma unroll
            for (int i = 0; i < VECTOR; i++) values[i] = row[i];
            if (accumulate)
            {
                const Pack<element> held = cut.load(to, pack);
#pragma unroll
                for (int i = 0; i < VECTOR; i++) values[i] += held[i];
            }

            cut.store(to, pack, values);
        }
    }
}
KERNEL(embedding)
