#include "device.cuh"
#include "packs.cuh"

// variants: ELEMENT=bf16 VECTOR=8 HEAD_DIM=128 ROTARY_DIM=128; ELEMENT=float VECTOR=4 HEAD_DIM=48 ROTARY_DIM=48; ELEMENT=bf16 VECTOR=1 HEAD_DIM=80 ROTARY_DIM=20

// Rotary position embedding (Su et al., 2021) in the half-split convention of Hugging Face's Llama: in each head, columns i and i + R/2 are
// turned by the angle whose cosine and sine are row positions[n], column i of the tables [positions, R/2]; columns from R on are copied.
// y may be x. Blocks along y share the tokens, threads along x a token's pairs of packs.
typedef ELEMENT element;

const int half = ROTARY_DIM / 2, head_packs = half / VECTOR, rest = HEAD_DIM - ROTARY_DIM, rest_divisor = rest > 0 ? rest : 1;

extern "C" __global__ void rope(
    const element* x, int64 x_stride, const int* positions, const float* cosines, const float* sines, element* y, int64 y_stride, int tokens, int heads, float direction)
{
    const int first = blockIdx.x * blockDim.x + threadIdx.x, threads = gridDim.x * blockDim.x;
    for (int token = blockIdx.y; token < tokens; token += gridDim.y)
    {
        const int64 angles = (int64)positions[token] * half;
        const element* from = x + token * x_stride;
        element* to = y + token * y_stride;
        for (int item = first; item < heads * head_packs; item += threads)
        {
            const int column = item % head_packs * VECTOR, at = item / head_packs * HEAD_DIM + column;
            const Pack<element> left = load_pack(from + at), right = load_pack(from + at + half);
            const Pack<float> cosine = load_pack(cosines + angles + column), sine = load_pack(sines + angles + column);
            float turned_left[VECTOR], turned_right[VECTOR];
#pragma unroll
            for (int i = 0; i < VECTOR; i++)
            {
                const float s = direction * sine[i];
                turned_left[i] = left[i] * cosine[i] - right[i] * s;
                turned_right[i] = right[i] * cosine[i] + left[i] * s;
            }

            store_pack(to + at, to_pack<element>(turned_left));
            store_pack(to + at + half, to_pack<element>(turned_right));
        }

        for (int item = first; item < heads * rest && from != to; item += threads)
        {
            const int at = item / rest_divisor * HEAD_DIM + ROTARY_DIM + item % rest_divisor;
            to[at] = from[at];
        }
    }
}
KERNEL(rope)
