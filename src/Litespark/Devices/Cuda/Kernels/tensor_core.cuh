// What only tensor-core GPUs (sm_80 and later) do, behind functions; an emulator has its own file of this name with the same functions.
// Sources: PTX ISA, "Warp-level matrix instructions" (ldmatrix, mma.m16n8k16) and "cp.async".

// Offset in the shared window that shared-memory instructions take.
__device__ __forceinline__ unsigned shared_offset(const void* address)
{
    return (unsigned)__cvta_generic_to_shared(address);
}

// Four 8 × 8 matrices of 16-bit elements. Lane 8j + i gives the address of row i of matrix j (16 bytes, aligned). Lane l gets in
// r[j] the elements 2 (l mod 4) and 2 (l mod 4) + 1 of row l / 4.
__device__ __forceinline__ void load_matrices(unsigned (&r)[4], const void* row)
{
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
        : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3]) : "r"(shared_offset(row)) : "memory");
}

// The same, each matrix transposed: lane l gets the elements of column l / 4 in the rows 2 (l mod 4) and 2 (l mod 4) + 1.
__device__ __forceinline__ void load_matrices_transposed(unsigned (&r)[4], const void* row)
{
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
        : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3]) : "r"(shared_offset(row)) : "memory");
}

// d[16, 8] += a[16, 16] · b[16, 8], bf16 with fp32 sums. With g = lane / 4, t = lane mod 4, lower half first:
// a[0]: row g, columns 2t, 2t + 1; a[1]: row g + 8; a[2]: row g, columns 2t + 8, 2t + 9; a[3]: row g + 8, those columns;
// b0: rows 2t, 2t + 1 of column g; b1: rows 2t + 8, 2t + 9; d[0], d[1]: row g, columns 2t, 2t + 1; d[2], d[3]: row g + 8.
__device__ __forceinline__ void multiply_add(float (&d)[4], const unsigned (&a)[4], unsigned b0, unsigned b1)
{
    asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
        : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3]) : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

// Starts a copy of 16 bytes from global to shared memory, both aligned; only the first `bytes` (0 to 16) are read, the rest is zeros.
__device__ __forceinline__ void copy_async(void* shared, const void* global, int bytes)
{
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" : : "r"(shared_offset(shared)), "l"(global), "r"(bytes) : "memory");
}

// The same for 4 bytes: a copy, or zero.
__device__ __forceinline__ void copy_word_async(void* shared, const void* global, bool live)
{
    asm volatile("cp.async.ca.shared.global [%0], [%1], 4, %2;" : : "r"(shared_offset(shared)), "l"(global), "r"(live ? 4 : 0) : "memory");
}

// Makes a group of this thread's copies since the last group.
__device__ __forceinline__ void commit_copies()
{
    asm volatile("cp.async.commit_group;" : : : "memory");
}

// Waits until at most Pending of this thread's latest groups are under way. Other threads see the copies after a barrier.
template <int Pending> __device__ __forceinline__ void wait_copies()
{
    asm volatile("cp.async.wait_group %0;" : : "n"(Pending) : "memory");
}
