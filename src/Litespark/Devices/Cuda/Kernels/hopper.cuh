// What only Hopper (sm_90a) does, behind functions; an emulator has its own file of this name with the same functions.
// Sources: PTX ISA, "mbarrier", "cp.async.bulk.tensor", "Asynchronous warpgroup level matrix instructions", "setmaxnreg".

// A matrix of bf16 in global memory, and the size of the boxes that are copied out of it, as the driver encodes them (TensorBox.cs).
// Kernels take it by value: `const __grid_constant__ TensorMap`.
struct alignas(64) TensorMap { unsigned char encoded[128]; };

// Barriers in shared memory that count arrivals and bytes. A phase ends when all threads have arrived and all bytes have come that
// they announced; phases have the parities 0, 1, 0, 1 …

__device__ __forceinline__ void mbarrier_init(uint64* barrier, int arrivals)
{
    asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" :: "r"(shared_offset(barrier)), "r"(arrivals) : "memory");
}

// Lets the copy engine see barriers that were made; __syncthreads lets the other threads.
__device__ __forceinline__ void mbarrier_publish()
{
    asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory");
    asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
}

__device__ __forceinline__ void mbarrier_arrive(uint64* barrier)
{
    asm volatile("mbarrier.arrive.shared::cta.b64 _, [%0];" :: "r"(shared_offset(barrier)) : "memory");
}

// Arrives and announces bytes.
__device__ __forceinline__ void mbarrier_expect(uint64* barrier, int bytes)
{
    asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" :: "r"(shared_offset(barrier)), "r"(bytes) : "memory");
}

// Waits until the phase of a parity has ended. Of a new barrier the phase before the first one, of parity 1, has.
__device__ __forceinline__ void mbarrier_wait(uint64* barrier, int parity)
{
    uint32 has_ended = 0;
    while (!has_ended)
        asm volatile("{\n.reg .pred ended;\nmbarrier.try_wait.parity.shared::cta.b64 ended, [%1], %2;\nselp.u32 %0, 1, 0, ended;\n}"
            : "=r"(has_ended) : "r"(shared_offset(barrier)), "r"(parity) : "memory");
}

// Starts the copy of a box from global to shared memory, its first element in column x and row y of the matrix; zeros where the matrix
// ends. Its bytes count towards the barrier's phase. Boxes are 64 columns (128 bytes) wide, and lie row by row from an address that is a
// multiple of 1024; within a row the chunks of 16 bytes have changed places: chunk c of row r lies in the place of chunk c XOR (r mod 8).
__device__ __forceinline__ void load_box(void* shared, const TensorMap& map, int x, int y, uint64* barrier)
{
    asm volatile("cp.async.bulk.tensor.2d.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1, {%2, %3}], [%4];"
        :: "r"(shared_offset(shared)), "l"(&map), "r"(x), "r"(y), "r"(shared_offset(barrier)) : "memory");
}

// Orders what a thread has written to shared memory by ordinary stores before what copies and products do there after the next barrier.
__device__ __forceinline__ void fence_shared() { asm volatile("fence.proxy.async.shared::cta;" ::: "memory"); }

// Where an operand of a product begins in shared memory, in rows of 128 bytes whose chunks lie as load_box puts them; operands begin in
// rows that are multiples of eight. `group` is the distance in bytes from eight rows to the next eight. Rows are those of op(A), columns
// those of op(B), and an operand is 16 elements deep (32 bytes: the next 16 begin 32 bytes further); or, of a transposed operand, rows
// are its depth, of which it takes 16, and `panel` is the distance from 64 of op(A)'s rows, or op(B)'s columns, to the next 64.
__device__ __forceinline__ uint64 operand_at(const void* shared, int group, int panel)
{
    const uint64 swizzle_128_bytes = 1ull << 62;
    return (shared_offset(shared) >> 4 & 0x3FFF) | (uint64)(panel >> 4) << 16 | (uint64)(group >> 4) << 32 | swizzle_128_bytes;
}

// The same operand so many bytes further.
__device__ __forceinline__ uint64 operand_beyond(uint64 operand, int bytes) { return operand + (bytes >> 4); }

// Before the first product after a thread has touched the sums.
__device__ __forceinline__ void fence_products() { asm volatile("wgmma.fence.sync.aligned;" ::: "memory"); }

#define EIGHT_SUMS(d, i) "+f"(d[i]), "+f"(d[i + 1]), "+f"(d[i + 2]), "+f"(d[i + 3]), "+f"(d[i + 4]), "+f"(d[i + 5]), "+f"(d[i + 6]), "+f"(d[i + 7])

// Starts d[64, 128] += a[64, 16] · b[16, 128] by the 128 threads of a warpgroup, bf16 with fp32 sums. Warp w of the group
// holds the rows 16w … 16w + 15; with g = lane / 4, t = lane mod 4: d[4j], d[4j + 1]: row g, columns 8j + 2t, 8j + 2t + 1;
// d[4j + 2], d[4j + 3]: row g + 8. Transposed operands lie with their depth along the rows (operand_at).
template <int TransposeA, int TransposeB> __device__ __forceinline__ void multiply_add_64x128(float (&d)[64], uint64 a, uint64 b)
{
    asm volatile("wgmma.mma_async.sync.aligned.m64n128k16.f32.bf16.bf16 "
        "{%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, %16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31, "
        "%32, %33, %34, %35, %36, %37, %38, %39, %40, %41, %42, %43, %44, %45, %46, %47, %48, %49, %50, %51, %52, %53, %54, %55, %56, %57, %58, %59, %60, %61, %62, %63}, "
        "%64, %65, 1, 1, 1, %66, %67;"
        : EIGHT_SUMS(d, 0), EIGHT_SUMS(d, 8), EIGHT_SUMS(d, 16), EIGHT_SUMS(d, 24), EIGHT_SUMS(d, 32), EIGHT_SUMS(d, 40), EIGHT_SUMS(d, 48), EIGHT_SUMS(d, 56)
        : "l"(a), "l"(b), "n"(TransposeA), "n"(TransposeB) : "memory");
}

// The same of twice as many columns: left[64, 128] | right[64, 128] += a[64, 16] · b[16, 256], which reads a once for both.
template <int TransposeA, int TransposeB> __device__ __forceinline__ void multiply_add_64x256(float (&left)[64], float (&right)[64], uint64 a, uint64 b)
{
    asm volatile("wgmma.mma_async.sync.aligned.m64n256k16.f32.bf16.bf16 "
        "{%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, %16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31, "
        "%32, %33, %34, %35, %36, %37, %38, %39, %40, %41, %42, %43, %44, %45, %46, %47, %48, %49, %50, %51, %52, %53, %54, %55, %56, %57, %58, %59, %60, %61, %62, %63, "
        "%64, %65, %66, %67, %68, %69, %70, %71, %72, %73, %74, %75, %76, %77, %78, %79, %80, %81, %82, %83, %84, %85, %86, %87, %88, %89, %90, %91, %92, %93, %94, %95, "
        "%96, %97, %98, %99, %100, %101, %102, %103, %104, %105, %106, %107, %108, %109, %110, %111, %112, %113, %114, %115, %116, %117, %118, %119, %120, %121, %122, %123, %124, %125, %126, %127}, "
        "%128, %129, 1, 1, 1, %130, %131;"
        : EIGHT_SUMS(left, 0), EIGHT_SUMS(left, 8), EIGHT_SUMS(left, 16), EIGHT_SUMS(left, 24), EIGHT_SUMS(left, 32), EIGHT_SUMS(left, 40), EIGHT_SUMS(left, 48), EIGHT_SUMS(left, 56),
          EIGHT_SUMS(right, 0), EIGHT_SUMS(right, 8), EIGHT_SUMS(right, 16), EIGHT_SUMS(right, 24), EIGHT_SUMS(right, 32), EIGHT_SUMS(right, 40), EIGHT_SUMS(right, 48), EIGHT_SUMS(right, 56)
        : "l"(a), "l"(b), "n"(TransposeA), "n"(TransposeB) : "memory");
}

// Makes a group of the warpgroup's products since the last group.
__device__ __forceinline__ void commit_products() { asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory"); }

// Waits until at most Pending of the latest groups are under way: what older ones read may be overwritten.
template <int Pending> __device__ __forceinline__ void wait_products() { asm volatile("wgmma.wait_group.sync.aligned %0;" :: "n"(Pending) : "memory"); }

// Between the wait for the last products of some sums and their first use: keeps the compiler from moving the use before the wait.
__device__ __forceinline__ void take_sums(float (&d)[64])
{
    #pragma unroll
    for (int i = 0; i < 64; i++) asm volatile("" : "+f"(d[i]) :: "memory");
}

// A warpgroup gives up registers down to so many of each thread, or waits until it gets so many; a multiple of 8.
template <int Registers> __device__ __forceinline__ void give_registers() { asm volatile("setmaxnreg.dec.sync.aligned.u32 %0;" :: "n"(Registers)); }
template <int Registers> __device__ __forceinline__ void get_registers() { asm volatile("setmaxnreg.inc.sync.aligned.u32 %0;" :: "n"(Registers)); }
