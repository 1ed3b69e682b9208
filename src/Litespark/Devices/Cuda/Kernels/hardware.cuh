// What only a GPU can do, behind plain functions: instructions without a C++ spelling, conversions, barriers, the declaration of
// shared memory and of kernels. An emulator has a file of this name with the same functions; kernels therefore hold no asm.
// CUDA's own names that both sides know: threadIdx, blockIdx, blockDim, gridDim, __syncthreads, __syncwarp, __shfl_sync,
// __shfl_xor_sync, __shfl_down_sync, __shfl_up_sync, __ballot_sync, __all_sync, __any_sync, atomicAdd and atomicMax of integers,
// __threadfence, __float_as_uint, __uint_as_float, __popc, __ffs, float2, float4, uint2, uint4 (with make_…), and the functions of
// math.h in fp32 (fmaf, fmaxf, fminf, fabsf, sqrtf, expf, logf, tanhf, erff).

typedef unsigned char uint8;
typedef unsigned short uint16;
typedef unsigned int uint32;
typedef unsigned long long uint64;
typedef long long int64;

// Declares a kernel to whoever starts it: a line KERNEL(name) behind `extern "C" __global__ void name(…)`.
#define KERNEL(name)

// The launch's dynamic shared memory as `type* name`, 1024-byte aligned.
#define SHARED_MEMORY(type, name) \
    extern __shared__ __align__(1024) unsigned char shared_memory_of_the_launch[]; \
    type* const name = reinterpret_cast<type*>(shared_memory_of_the_launch)

// An array in shared memory of a length known to the compiler.
#define SHARED_ARRAY(type, name, count) __shared__ __align__(16) type name[count]

// Brain float: the upper half of an fp32.
struct bf16 { uint16 bits; };

__device__ __forceinline__ float to_float(bf16 x) { return __uint_as_float((uint32)x.bits << 16); }
__device__ __forceinline__ float to_float(float x) { return x; }

// fp32 to an element type, to nearest, ties to even.
template <class T> __device__ __forceinline__ T from_float(float x);
template <> __device__ __forceinline__ float from_float<float>(float x) { return x; }
template <> __device__ __forceinline__ bf16 from_float<bf16>(float x)
{
    bf16 y;
    asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(y.bits) : "f"(x));
    return y;
}

// Two bf16 in one register, the first in the lower half.
__device__ __forceinline__ uint32 pack_bf16(float low, float high)
{
    uint32 pair;
    asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(pair) : "f"(high), "f"(low));
    return pair;
}

__device__ __forceinline__ float2 unpack_bf16(uint32 pair) { return make_float2(__uint_as_float(pair << 16), __uint_as_float(pair & 0xFFFF0000u)); }

// Approximations in one instruction; errors by the PTX manual. Subnormal numbers count as zero.

// 2^x, relative error 2^-22.
__device__ __forceinline__ float fast_exp2(float x) { float y; asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x)); return y; }

// log2 x, absolute error 2^-22 for x in [0.5, 2], relative error 2^-22 outside.
__device__ __forceinline__ float fast_log2(float x) { float y; asm("lg2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x)); return y; }

// 1 / sqrt(x), relative error 2^-22.9.
__device__ __forceinline__ float fast_rsqrt(float x) { float y; asm("rsqrt.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x)); return y; }

// 1 / x, relative error 2^-23.
__device__ __forceinline__ float fast_reciprocal(float x) { float y; asm("rcp.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x)); return y; }

// tanh x, relative error 2^-11: enough for a bf16, not for an fp32.
__device__ __forceinline__ float fast_tanh(float x) { float y; asm("tanh.approx.f32 %0, %1;" : "=f"(y) : "f"(x)); return y; }

// 16 bytes in one access; the address is a multiple of 16.
__device__ __forceinline__ uint4 load16(const void* address) { return *(const uint4*)address; }
__device__ __forceinline__ void store16(void* address, uint4 value) { *(uint4*)address = value; }

// 16 bytes of global memory that no one reads again soon, and that nothing writes while the kernel runs.
__device__ __forceinline__ uint4 load16_once(const void* address)
{
    uint4 v;
    asm volatile("ld.global.nc.L1::no_allocate.v4.u32 {%0, %1, %2, %3}, [%4];" : "=r"(v.x), "=r"(v.y), "=r"(v.z), "=r"(v.w) : "l"(address));
    return v;
}

// Barriers 1 … 15 among some of a block's threads (a multiple of 32); barrier 0 is __syncthreads.
__device__ __forceinline__ void barrier_sync(int barrier, int threads) { asm volatile("bar.sync %0, %1;" :: "r"(barrier), "r"(threads) : "memory"); }

// Counts the thread as arrived but does not wait.
__device__ __forceinline__ void barrier_arrive(int barrier, int threads) { asm volatile("bar.arrive %0, %1;" :: "r"(barrier), "r"(threads) : "memory"); }
