#include "device.cuh"
#include "packs.cuh"

// variants: ELEMENT=bf16 VECTOR=8 HEAD_DIM=128 ROTARY_DIM=128 HEADS=4; ELEMENT=bf16 VECTOR=8 HEAD_DIM=128 ROTARY_DIM=128 HEADS=1; ELEMENT=float VECTOR=4 HEAD_DIM=48 ROTARY_DIM=48 HEADS=2; ELEMENT=bf16 VECTOR=1 HEAD_DIM=80 ROTARY_DIM=20 HEADS=4

// Rotary position embedding (Su et al., 2021) in the half-split convention of Hugging Face's Llama: in each head, columns i and i + R/2 are
// turned by the angle whose cosine and sine are row positions[n], column i of the tables [positions, R/2]; columns from R on are copied.
// y may be x. `team` threads take a token; each turns the same packs of HEADS heads, so that all their loads are on the way together and a
// pack's angles, which are as many bytes as two heads' numbers, are read once for them.
typedef ELEMENT element;

const int half = ROTARY_DIM / 2, head_packs = half / VECTOR, rest = HEAD_DIM - ROTARY_DIM, rest_divisor = rest > 0 ? rest : 1;

extern "C" __global__ void rope(
    const element* x, int64 x_stride, const int* positions, const float* cosines, const float* sines, element* y, int64 y_stride, int tokens, int heads, int team, float direction)
{
    const int token = blockIdx.x * (blockDim.x / team) + threadIdx.x / team, lane = threadIdx.x % team, shares = ceiling_division(heads, HEADS);
    if (token >= tokens) return;
    const element* from = x + token * x_stride;
    element* to = y + token * y_stride;
    for (int item = lane; item < shares * head_packs; item += team)
    {
        const int column = item % head_packs * VECTOR, share = item / head_packs;
        Pack<element> left[HEADS], right[HEADS];
#pragma unroll
        for (int i = 0; i < HEADS; i++)
        {
            const int head = share + i * shares;
            if (head >= heads) continue;
            left[i] = load_pack(from + head * HEAD_DIM + column);
            right[i] = load_pack(from + head * HEAD_DIM + column + half);
        }

        const int64 angles = (int64)positions[token] * half + column;
        const Pack<float> cosine = load_pack(cosines + angles), sine = load_pack(sines + angles);
#pragma unroll
        for (int i = 0; i < HEADS; i++)
        {
            const int head = share + i * shares;
            if (head >= heads) continue;
            float turned_left[VECTOR], turned_right[VECTOR];
#pragma unroll
            for (int j = 0; j < VECTOR; j++)
            {
                const float s = direction * sine[j];
                turned_left[j] = left[i][j] * cosine[j] - right[i][j] * s;
                turned_right[j] = right[i][j] * cosine[j] + left[i][j] * s;
            }

            store_pack(to + head * HEAD_DIM + column, to_pack<element>(turned_left));
            store_pack(to + head * HEAD_DIM + column + half, to_pack<element>(turned_right));
        }
    }

    for (int item = lane; item < heads * rest && from != to; item += team)
    {
        const int at = item / rest_divisor * HEAD_DIM + ROTARY_DIM + item % rest_divisor;
        to[at] = from[at];
    }
}
KERNEL(rope)
