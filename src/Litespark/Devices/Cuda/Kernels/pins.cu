#include "pins.cuh"
// variants:

// Conversions.
PIN_EACH(pin_float_of_bf16, __float_as_uint(to_float(bf16{(uint16)u})))
PIN_EACH(pin_float_of_float, __float_as_uint(to_float(x)))
PIN_EACH(pin_bf16_of_float, from_float<bf16>(x).bits)
PIN_EACH(pin_float_from_float, __float_as_uint(from_float<float>(x)))
PIN_PAIR(pin_pack_bf16, pack_bf16(x, y))
PIN(pin_unpack_bf16)
{
    const float2 pair = unpack_bf16(in[threadIdx.x]);
    out[2 * threadIdx.x] = __float_as_uint(pair.x);
    out[2 * threadIdx.x + 1] = __float_as_uint(pair.y);
}
KERNEL(pin_unpack_bf16)

// Approximations.
PIN_EACH(pin_fast_exp2, __float_as_uint(fast_exp2(x)))
PIN_EACH(pin_fast_log2, __float_as_uint(fast_log2(x)))
PIN_EACH(pin_fast_rsqrt, __float_as_uint(fast_rsqrt(x)))
PIN_EACH(pin_fast_reciprocal, __float_as_uint(fast_reciprocal(x)))
PIN_EACH(pin_fast_tanh, __float_as_uint(fast_tanh(x)))

// Functions of CUDA's.
PIN_EACH(pin_bits, __float_as_uint(__uint_as_float(u)))
PIN_EACH(pin_popc, (uint32)__popc(u))
PIN_EACH(pin_ffs, (uint32)__ffs((int)u))
PIN_PAIR(pin_fmaf, __float_as_uint(fmaf(x, y, -1.0f)))
PIN_PAIR(pin_fmaxf, __float_as_uint(fmaxf(x, y)))
PIN_PAIR(pin_fminf, __float_as_uint(fminf(x, y)))
PIN_PAIR(pin_divide, __float_as_uint(x / y))
PIN_EACH(pin_fabsf, __float_as_uint(fabsf(x)))
PIN_EACH(pin_sqrtf, __float_as_uint(sqrtf(x)))
PIN_EACH(pin_expf, __float_as_uint(expf(x)))
PIN_EACH(pin_logf, __float_as_uint(logf(x)))
PIN_EACH(pin_tanhf, __float_as_uint(tanhf(x)))
PIN_EACH(pin_erff, __float_as_uint(erff(x)))

// Accesses. Words go from `in` to `out`, 4 or 2 for each thread.
PIN(pin_load16) { store16(out + 4 * threadIdx.x, load16(in + 4 * threadIdx.x)); }
KERNEL(pin_load16)
PIN(pin_load16_once)
{
    const uint4 v = load16_once(in + 4 * threadIdx.x);
    uint32* to = out + 4 * threadIdx.x;
    to[0] = v.x, to[1] = v.y, to[2] = v.z, to[3] = v.w;
}
KERNEL(pin_load16_once)
PIN(pin_store16) { const uint32* from = in + 4 * threadIdx.x; store16(out + 4 * threadIdx.x, make_uint4(from[0], from[1], from[2], from[3])); }
KERNEL(pin_store16)
PIN(pin_load8)
{
    const uint2 v = load8(in + 2 * threadIdx.x);
    out[2 * threadIdx.x] = v.x;
    out[2 * threadIdx.x + 1] = v.y;
}
KERNEL(pin_load8)
PIN(pin_store8) { const uint32* from = in + 2 * threadIdx.x; store8(out + 2 * threadIdx.x, make_uint2(from[0], from[1])); }
KERNEL(pin_store8)

// Shared memory: where it begins, and that dynamic and static memory do not meet. The words go in and come out backwards.
PIN(pin_shared_memory)
{
    SHARED_MEMORY(uint32, dynamic);
    SHARED_ARRAY(uint32, first, 33);
    SHARED_ARRAY(uint32, second, 64);
    const int i = threadIdx.x, n = blockDim.x;
    dynamic[i] = in[i];
    second[i] = in[i] + 1;
    if (i < 33) first[i] = in[i] + 2;
    __syncthreads();
    const int j = n - 1 - i;
    out[i] = dynamic[j];
    out[n + i] = second[j];
    out[2 * n + i] = j < 33 ? first[j] : 0;
    if (i == 0)
    {
        out[3 * n] = (uint32)((uint64)dynamic % 1024);
        out[3 * n + 1] = (uint32)((uint64)first % 16 + (uint64)second % 16);
    }
}
KERNEL(pin_shared_memory)

// Places of a thread and of a block: a launch of 2 × 3 × 2 blocks. The block's number, the thread's, and the sizes.
PIN(pin_places)
{
    const int block = ((int)blockIdx.z * (int)gridDim.y + (int)blockIdx.y) * (int)gridDim.x + (int)blockIdx.x;
    const int i = block * (int)blockDim.x + (int)threadIdx.x;
    out[i] = in[0] + (blockIdx.x << 24 | blockIdx.y << 20 | blockIdx.z << 16 | threadIdx.x << 8 | gridDim.x << 4 | gridDim.y << 2 | gridDim.z);
}
KERNEL(pin_places)

// Barriers of some threads: of four warps 0 and 1 meet at barrier 3, and 2 gives to 3 through barrier 5 without waiting itself.
PIN(pin_barriers)
{
    SHARED_ARRAY(uint32, held, 128);
    const int i = threadIdx.x, warp = warp_index();
    if (warp == 0 || warp == 1)
    {
        held[i] = in[i];
        barrier_sync(3, 64);
        out[i] = held[i ^ 32];
    }
    else if (warp == 2)
    {
        held[i] = in[i];
        barrier_arrive(5, 64);
        out[i] = 0;
    }
    else
    {
        barrier_sync(5, 64);
        out[i] = held[i - 32];
    }
}
KERNEL(pin_barriers)

// Lanes of a warp: lane i's word goes round. Six results a lane, one behind the other.
PIN(pin_shuffles)
{
    const int i = threadIdx.x, n = blockDim.x;
    const uint32 u = in[i];
    out[i] = __shfl_sync(ALL_LANES, u, (i * 7 + 3) % 32);
    out[n + i] = __shfl_xor_sync(ALL_LANES, u, 5);
    out[2 * n + i] = __shfl_down_sync(ALL_LANES, u, 3);
    out[3 * n + i] = __shfl_up_sync(ALL_LANES, u, 3);
    out[4 * n + i] = __shfl_sync(ALL_LANES, u, 2, 8);
    out[5 * n + i] = __shfl_xor_sync(ALL_LANES, u, 3, 4);
}
KERNEL(pin_shuffles)

PIN(pin_votes)
{
    const int i = threadIdx.x, n = blockDim.x;
    const uint32 u = in[i];
    out[i] = __ballot_sync(ALL_LANES, (u & 1) != 0);
    out[n + i] = __any_sync(ALL_LANES, u == in[n]) != 0;
    out[2 * n + i] = __all_sync(ALL_LANES, u != in[n]) != 0;
    __syncwarp();
}
KERNEL(pin_votes)

// Every thread of two blocks adds its word to its block's sum, and offers it as its block's largest; results begin as −1.
PIN(pin_atomics)
{
    const int i = threadIdx.x + blockIdx.x * blockDim.x;
    SHARED_ARRAY(uint32, seen, 1);
    if (threadIdx.x == 0) seen[0] = 0;
    __syncthreads();
    atomicAdd(&seen[0], in[i]);
    atomicMax((int*)out + 2 + blockIdx.x, (int)in[i]);
    __syncthreads();
    __threadfence();
    if (threadIdx.x == 0) out[blockIdx.x] = seen[0];
}
KERNEL(pin_atomics)

// Reductions over a warp.
PIN(pin_warp_sum) { out[threadIdx.x] = __float_as_uint(warp_sum(__uint_as_float(in[threadIdx.x]))); }
KERNEL(pin_warp_sum)
PIN(pin_warp_max) { out[threadIdx.x] = __float_as_uint(warp_max(__uint_as_float(in[threadIdx.x]))); }
KERNEL(pin_warp_max)
PIN_PAIR(pin_ceiling_division, (uint32)ceiling_division((int)x, (int)y))
