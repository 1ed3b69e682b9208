#include "pins.cuh"
#include "packs.cuh"
// variants: ELEMENT=bf16 VECTOR=1; ELEMENT=bf16 VECTOR=4; ELEMENT=bf16 VECTOR=8; ELEMENT=float VECTOR=1; ELEMENT=float VECTOR=2; ELEMENT=float VECTOR=4; ELEMENT=float VECTOR=8

// Each of 32 threads takes a pack of `in` to the same place of `out`; behind these the numbers in it; behind these, numbers of `in` that
// need rounding, as packs.
typedef ELEMENT element;

PIN(pin_packs)
{
    const int first = threadIdx.x * VECTOR, all = WARP * VECTOR, words = all * (int)sizeof(element) / 4;
    const Pack<element> pack = load_pack((const element*)in + first);
    store_pack((element*)out + first, pack);
    float x[VECTOR];
    #pragma unroll
    for (int i = 0; i < VECTOR; i++)
    {
        out[words + first + i] = __float_as_uint(pack[i]);
        x[i] = __uint_as_float(in[words + first + i]);
    }

    store_pack((element*)(out + words + all) + first, to_pack<element>(x));
}
KERNEL(pin_packs)
