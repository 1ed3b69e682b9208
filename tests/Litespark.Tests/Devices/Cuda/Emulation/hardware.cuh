// The emulator's side of hardware.cuh: the same functions for g++, each doing on the processor what the GPU's instruction does.
// Approximate instructions are computed exactly; everything else has the hardware's results to the bit.
#include "launcher.cuh"
#include <math.h>

typedef unsigned char uint8;
typedef unsigned short uint16;
typedef unsigned int uint32;
typedef unsigned long long uint64;
typedef long long int64;

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline
#define __noinline__
#define __restrict__
#define __constant__ static
#define __launch_bounds__(...)
#define __grid_constant__
#define __align__(bytes) alignas(bytes)

#define threadIdx (emulator::current->index)
#define blockIdx (emulator::block_index)
#define blockDim (emulator::block_size)
#define gridDim (emulator::grid_size)

struct alignas(8) float2 { float x, y; };
struct alignas(16) float4 { float x, y, z, w; };
struct alignas(8) int2 { int x, y; };
struct alignas(16) int4 { int x, y, z, w; };
struct alignas(8) uint2 { unsigned x, y; };
struct alignas(16) uint4 { unsigned x, y, z, w; };
inline float2 make_float2(float x, float y) { return {x, y}; }
inline float4 make_float4(float x, float y, float z, float w) { return {x, y, z, w}; }
inline int2 make_int2(int x, int y) { return {x, y}; }
inline int4 make_int4(int x, int y, int z, int w) { return {x, y, z, w}; }
inline uint2 make_uint2(unsigned x, unsigned y) { return {x, y}; }
inline uint4 make_uint4(unsigned x, unsigned y, unsigned z, unsigned w) { return {x, y, z, w}; }

inline uint32 __float_as_uint(float x) { uint32 bits; memcpy(&bits, &x, 4); return bits; }
inline float __uint_as_float(uint32 bits) { float x; memcpy(&x, &bits, 4); return x; }
inline int __float_as_int(float x) { return (int)__float_as_uint(x); }
inline float __int_as_float(int bits) { return __uint_as_float((uint32)bits); }
inline int __popc(uint32 x) { return __builtin_popcount(x); }
inline int __ffs(int x) { return __builtin_ffs(x); }
inline int __clz(int x) { return x == 0 ? 32 : __builtin_clz((uint32)x); }
template <class T> inline T min(T a, T b) { return b < a ? b : a; }
template <class T> inline T max(T a, T b) { return a < b ? b : a; }

// Threads of a block and lanes of a warp. The last parameter is the line of the caller, for reports.

inline void __syncthreads(int line = __builtin_LINE()) { emulator::block_barrier(line); }
inline void __syncwarp(uint32 mask = 0xFFFFFFFFu, int line = __builtin_LINE()) { emulator::give("__syncwarp", mask, 0, line); }
inline void __threadfence() {}
inline void __threadfence_block() {}

template <class T> inline T __shfl_sync(uint32 mask, T value, int source, int width = 32, int line = __builtin_LINE())
{
    int lane = emulator::current->lane();
    return emulator::shuffle("__shfl_sync", mask, value, lane / width * width + source % width, line);
}

template <class T> inline T __shfl_xor_sync(uint32 mask, T value, int other, int width = 32, int line = __builtin_LINE())
{
    int lane = emulator::current->lane(), source = lane ^ other;
    return emulator::shuffle("__shfl_xor_sync", mask, value, source / width > lane / width ? -1 : source, line);
}

template <class T> inline T __shfl_down_sync(uint32 mask, T value, int distance, int width = 32, int line = __builtin_LINE())
{
    int lane = emulator::current->lane(), source = lane + distance;
    return emulator::shuffle("__shfl_down_sync", mask, value, source / width != lane / width ? -1 : source, line);
}

template <class T> inline T __shfl_up_sync(uint32 mask, T value, int distance, int width = 32, int line = __builtin_LINE())
{
    int lane = emulator::current->lane(), source = lane - distance;
    return emulator::shuffle("__shfl_up_sync", mask, value, source < lane / width * width ? -1 : source, line);
}

inline uint32 __ballot_sync(uint32 mask, int vote, int line = __builtin_LINE())
{
    auto slots = emulator::give("__ballot_sync", mask, vote != 0, line);
    uint32 votes = 0;
    for (int lane = 0; lane < 32; lane++)
        if (mask >> lane & 1 && emulator::take<bool>(slots, lane)) votes |= 1u << lane;
    return votes;
}

inline int __any_sync(uint32 mask, int vote, int line = __builtin_LINE()) { return __ballot_sync(mask, vote, line) != 0; }
inline int __all_sync(uint32 mask, int vote, int line = __builtin_LINE()) { return __ballot_sync(mask, vote, line) == mask; }

inline void barrier_sync(int barrier, int threads, int line = __builtin_LINE()) { emulator::arrive(emulator::named_gates[barrier], threads, "barrier_sync", line); }
inline void barrier_arrive(int barrier, int threads, int line = __builtin_LINE()) { emulator::arrive(emulator::named_gates[barrier], threads, "barrier_arrive", line, false); }

// Of integers alone: the order of additions to a float would be the scheduler's, and so would the result's last bits.
inline int atomicAdd(int* address, int value) { int old = *address; *address = old + value; return old; }
inline uint32 atomicAdd(uint32* address, uint32 value) { uint32 old = *address; *address = old + value; return old; }
inline int atomicMax(int* address, int value) { int old = *address; *address = max(old, value); return old; }
inline int atomicMin(int* address, int value) { int old = *address; *address = min(old, value); return old; }

// Elements.

struct bf16 { uint16 bits; };

inline float to_float(bf16 x) { return __uint_as_float((uint32)x.bits << 16); }
inline float to_float(float x) { return x; }

template <class T> inline T from_float(float x);
template <> inline float from_float<float>(float x) { return x; }
template <> inline bf16 from_float<bf16>(float x)
{
    uint32 bits = __float_as_uint(x);
    if (x != x) return {0x7FFF};
    return {(uint16)((bits + 0x7FFF + (bits >> 16 & 1)) >> 16)};
}

inline uint32 pack_bf16(float low, float high) { return from_float<bf16>(low).bits | (uint32)from_float<bf16>(high).bits << 16; }
inline float2 unpack_bf16(uint32 pair) { return {__uint_as_float(pair << 16), __uint_as_float(pair & 0xFFFF0000u)}; }

inline float rsqrtf(float x) { return (float)(1.0 / sqrt((double)x)); }
inline float fast_exp2(float x) { return exp2f(x); }
inline float fast_log2(float x) { return log2f(x); }
inline float fast_rsqrt(float x) { return rsqrtf(x); }
inline float fast_reciprocal(float x) { return 1.0f / x; }
inline float fast_tanh(float x) { return tanhf(x); }

inline uint4 load16(const void* address, int line = __builtin_LINE())
{
    emulator::check_access(address, 16, 16, "load16", line);
    return *(const uint4*)address;
}

inline uint4 load16_once(const void* address, int line = __builtin_LINE()) { return load16(address, line); }

inline void store16(void* address, uint4 value, int line = __builtin_LINE())
{
    emulator::check_access(address, 16, 16, "store16", line);
    *(uint4*)address = value;
}

inline uint2 load8(const void* address, int line = __builtin_LINE())
{
    emulator::check_access(address, 8, 8, "load8", line);
    return *(const uint2*)address;
}

inline void store8(void* address, uint2 value, int line = __builtin_LINE())
{
    emulator::check_access(address, 8, 8, "store8", line);
    *(uint2*)address = value;
}

// Shared memory.

#define SHARED_MEMORY(type, name) type* const name = reinterpret_cast<type*>(emulator::dynamic_shared)
#define SHARED_ARRAY(type, name, count) \
    static const size_t name##_position = emulator::reserve_shared(sizeof(type) * (count), #name); \
    type (&name)[count] = *reinterpret_cast<type (*)[count]>(emulator::static_shared + name##_position)

// Kernels: `emulate_NAME` runs one launch, `parameters_NAME` tells the driver the parameters' sizes.
#define KERNEL(name) \
    extern "C" __attribute__((visibility("default"))) int emulate_##name(void** arguments, const emulator::Launch* launch) { return emulator::run<name>(#name, arguments, launch); } \
    extern "C" __attribute__((visibility("default"))) int parameters_##name(int* sizes) { return emulator::parameter_sizes(name, sizes); }
