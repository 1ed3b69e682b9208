#include "pins.cuh"
#include "tensor_core.cuh"
#include "fragments.cuh"
// variants:

// Row r of 32, 16 bytes long, lies at the place 5 r mod 32: rows of a matrix need not be neighbours.
__device__ inline uint32* matrix_row(uint32* rows, int r) { return rows + r * 5 % 32 * 4; }

// Four 8 × 8 matrices: the rows 8j … 8j + 7 are matrix j. Four words a lane.
template <bool Transposed> __device__ inline void load_four(const uint32* in, uint32* out, uint32* rows)
{
    const int lane = lane_index();
    for (int i = 0; i < 4; i++) matrix_row(rows, lane)[i] = in[4 * lane + i];
    __syncwarp();
    unsigned r[4];
    if (Transposed) load_matrices_transposed(r, matrix_row(rows, lane));
    else load_matrices(r, matrix_row(rows, lane));
    for (int i = 0; i < 4; i++) out[4 * lane + i] = r[i];
}

PIN(pin_load_matrices)
{
    SHARED_ARRAY(uint32, rows, 128);
    load_four<false>(in, out, rows);
}
KERNEL(pin_load_matrices)

PIN(pin_load_matrices_transposed)
{
    SHARED_ARRAY(uint32, rows, 128);
    load_four<true>(in, out, rows);
}
KERNEL(pin_load_matrices_transposed)

// Fragments of a, b and d as the lanes hold them: 4, 2 and 4 words a lane.
PIN(pin_multiply_add)
{
    const int lane = lane_index();
    const uint32 *b = in + 128, *sums = in + 192;
    unsigned a[4];
    float d[4];
    for (int i = 0; i < 4; i++)
    {
        a[i] = in[4 * lane + i];
        d[i] = __uint_as_float(sums[4 * lane + i]);
    }

    multiply_add(d, a, b[2 * lane], b[2 * lane + 1]);
    for (int i = 0; i < 4; i++) out[4 * lane + i] = __float_as_uint(d[i]);
}
KERNEL(pin_multiply_add)

// Thread i copies i bytes of its 16, 16 at most; its neighbour reads them.
PIN(pin_copy_async)
{
    SHARED_ARRAY(uint32, held, 4 * 32);
    const int i = threadIdx.x;
    for (int k = 0; k < 4; k++) held[4 * i + k] = ALL_LANES;
    copy_async(held + 4 * i, in + 4 * i, i < 16 ? i : 16);
    commit_copies();
    wait_copies<0>();
    __syncthreads();
    for (int k = 0; k < 4; k++) out[4 * i + k] = held[4 * (i ^ 1) + k];
}
KERNEL(pin_copy_async)

// Two of three threads copy their word.
PIN(pin_copy_word_async)
{
    SHARED_ARRAY(uint32, held, 32);
    const int i = threadIdx.x;
    held[i] = ALL_LANES;
    copy_word_async(held + i, in + i, i % 3 != 0);
    commit_copies();
    wait_copies<0>();
    __syncthreads();
    out[i] = held[i ^ 1];
}
KERNEL(pin_copy_word_async)

// Three groups of copies; a thread waits for them one after the other and reads its own.
PIN(pin_wait_copies)
{
    SHARED_ARRAY(uint32, held, 3 * 4 * 32);
    const int i = threadIdx.x;
    for (int group = 0; group < 3; group++)
    {
        copy_async(held + 4 * (32 * group + i), in + 4 * (32 * group + i), 16);
        commit_copies();
    }

    wait_copies<2>();
    for (int k = 0; k < 4; k++) out[4 * i + k] = held[4 * i + k];
    wait_copies<1>();
    for (int k = 0; k < 4; k++) out[4 * (32 + i) + k] = held[4 * (32 + i) + k];
    wait_copies<0>();
    for (int k = 0; k < 4; k++) out[4 * (64 + i) + k] = held[4 * (64 + i) + k];
}
KERNEL(pin_wait_copies)

// Operands out of a padded tile [48, 48], which `in` holds without gaps: a at row 16, column 32; b at row 32, column 16, both ways.
PIN(pin_fragments)
{
    constexpr int Size = 48, Stride = PaddedTile<Size>::Stride;
    SHARED_ARRAY(bf16, tile, PaddedTile<Size>::Length(Size));
    for (int i = threadIdx.x; i < Size * Size; i += WARP) tile[i / Size * Stride + i % Size] = ((const bf16*)in)[i];
    __syncwarp();
    const int lane = lane_index();
    const Fragments<Size> at = LaneRows(lane);
    unsigned a[4], b[4], bt[4];
    at.load_a(a, tile, 16, 32);
    at.load_b(b, tile, 32, 16);
    at.load_b_transposed(bt, tile, 32, 16);
    for (int i = 0; i < 4; i++)
    {
        out[4 * lane + i] = a[i];
        out[128 + 4 * lane + i] = b[i];
        out[256 + 4 * lane + i] = bt[i];
    }
}
KERNEL(pin_fragments)
