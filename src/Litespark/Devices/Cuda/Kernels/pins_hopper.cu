#include "pins.cuh"
#include "tensor_core.cuh"
#include "hopper.cuh"
// variants (sm_90a alone): TRANSPOSE_A=0 TRANSPOSE_B=0; TRANSPOSE_A=0 TRANSPOSE_B=1; TRANSPOSE_A=1 TRANSPOSE_B=0; TRANSPOSE_A=1 TRANSPOSE_B=1

#define PIN_BOX(name) extern "C" __global__ void name(const uint32* in, uint32* out, const __grid_constant__ TensorMap map)

const int GROUP = 128;

// Four warps hand each other words, three times: warp 0 takes what all of them have written, and lets them write again.
PIN(pin_mbarrier)
{
    SHARED_ARRAY(uint64, barriers, 2);
    SHARED_ARRAY(uint32, held, GROUP);
    if (threadIdx.x == 0)
    {
        mbarrier_init(barriers, GROUP);
        mbarrier_init(barriers + 1, WARP);
        mbarrier_publish();
    }

    __syncthreads();
    for (int round = 0; round < 3; round++)
    {
        if (round > 0) mbarrier_wait(barriers + 1, (round - 1) & 1);
        held[threadIdx.x] = in[round * GROUP + threadIdx.x];
        mbarrier_arrive(barriers);
        if (warp_index() > 0) continue;
        mbarrier_wait(barriers, round & 1);
        for (int warp = 0; warp < 4; warp++) out[round * GROUP + warp * WARP + lane_index()] = held[GROUP - 1 - warp * WARP - lane_index()];
        mbarrier_arrive(barriers + 1);
    }
}
KERNEL(pin_mbarrier)

// Three boxes of 16 rows into shared memory, as they lie there: from the columns and rows that `in` names behind the matrix.
PIN_BOX(pin_load_box)
{
    const int box_words = 16 * 32, boxes = 3, matrix_words = 40 * 44;
    SHARED_MEMORY(uint32, held);
    uint64* const barrier = (uint64*)(held + boxes * box_words);
    if (threadIdx.x == 0)
    {
        mbarrier_init(barrier, 1);
        mbarrier_publish();
    }

    __syncthreads();
    if (threadIdx.x == 0)
    {
        mbarrier_expect(barrier, boxes * box_words * 4);
        for (int i = 0; i < boxes; i++) load_box(held + i * box_words, map, (int)in[matrix_words + 2 * i], (int)in[matrix_words + 2 * i + 1], barrier);
    }

    mbarrier_wait(barrier, 0);
    for (int i = threadIdx.x; i < boxes * box_words; i += blockDim.x) out[i] = held[i];
}
KERNEL(pin_load_box)

// A warpgroup's product [64, 128] of a depth of 64: `in` holds the operands as they are to lie in shared memory (a, 2048 words, then b, 4096),
// then the sums that are added to, 64 words a thread. The second half of the depth is another group.
PIN(pin_multiply_add_64x128)
{
    const int a_words = 64 * 32, b_words = 128 * 32, row = 128, panel = 64 * row;
    SHARED_MEMORY(uint32, held);
    for (int i = threadIdx.x; i < a_words + b_words; i += GROUP) held[i] = in[i];
    fence_shared();
    __syncthreads();
    float d[64];
    #pragma unroll
    for (int i = 0; i < 64; i++) d[i] = __uint_as_float(in[a_words + b_words + 64 * threadIdx.x + i]);
    const uint64 a = operand_at(held, 8 * row, panel), b = operand_at(held + a_words, 8 * row, panel);
    fence_products();
    #pragma unroll
    for (int k = 0; k < 4; k++)
    {
        multiply_add_64x128<TRANSPOSE_A, TRANSPOSE_B>(d, operand_beyond(a, k * (TRANSPOSE_A ? 16 * row : 32)), operand_beyond(b, k * (TRANSPOSE_B ? 16 * row : 32)));
        if (k % 2 == 1) commit_products();
    }

    wait_products<1>();
    wait_products<0>();
    take_sums(d);
    #pragma unroll
    for (int i = 0; i < 64; i++) out[64 * threadIdx.x + i] = __float_as_uint(d[i]);
}
KERNEL(pin_multiply_add_64x128)

// The same [64, 256], b of 8192 words; first the sums of the left half, then those of the right.
PIN(pin_multiply_add_64x256)
{
    const int a_words = 64 * 32, b_words = 256 * 32, row = 128, panel = 64 * row;
    SHARED_MEMORY(uint32, held);
    for (int i = threadIdx.x; i < a_words + b_words; i += GROUP) held[i] = in[i];
    fence_shared();
    __syncthreads();
    const uint32* const sums = in + a_words + b_words;
    float left[64], right[64];
    #pragma unroll
    for (int i = 0; i < 64; i++)
    {
        left[i] = __uint_as_float(sums[64 * threadIdx.x + i]);
        right[i] = __uint_as_float(sums[64 * (GROUP + threadIdx.x) + i]);
    }

    const uint64 a = operand_at(held, 8 * row, panel), b = operand_at(held + a_words, 8 * row, panel);
    fence_products();
    #pragma unroll
    for (int k = 0; k < 4; k++)
        multiply_add_64x256<TRANSPOSE_A, TRANSPOSE_B>(left, right, operand_beyond(a, k * (TRANSPOSE_A ? 16 * row : 32)), operand_beyond(b, k * (TRANSPOSE_B ? 16 * row : 32)));
    commit_products();
    wait_products<0>();
    take_sums(left);
    take_sums(right);
    #pragma unroll
    for (int i = 0; i < 64; i++)
    {
        out[64 * threadIdx.x + i] = __float_as_uint(left[i]);
        out[64 * (GROUP + threadIdx.x) + i] = __float_as_uint(right[i]);
    }
}
KERNEL(pin_multiply_add_64x256)

// One warpgroup gives registers to two others.
extern "C" __global__ void __launch_bounds__(3 * GROUP, 1) pin_registers(const uint32* in, uint32* out)
{
    const uint32 word = in[threadIdx.x];
    if (threadIdx.x / GROUP == 2)
    {
        give_registers<40>();
        out[threadIdx.x] = word + 1;
    }
    else
    {
        get_registers<232>();
        out[threadIdx.x] = word + 2;
    }
}
KERNEL(pin_registers)
