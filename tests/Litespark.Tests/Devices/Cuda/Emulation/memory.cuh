// A block's shared memory, poisoned before each block and followed by guards, and checks of addresses.
#include "warps.cuh"

namespace emulator {

const size_t static_bytes = 48 << 10, dynamic_bytes = 227 << 10, static_gap = 64, dynamic_guard = 1024;
const int most_arrays = 64;

alignas(1024) static unsigned char static_shared[static_bytes], dynamic_shared[dynamic_bytes + dynamic_guard];
static size_t static_used, array_ends[most_arrays];
static int array_count;

// Room for an array that a kernel declares; the gap behind it shows writes past its end.
static size_t reserve_shared(size_t bytes, const char* name)
{
    size_t at = (static_used + 15) / 16 * 16;
    if (at + bytes + static_gap > static_bytes || array_count == most_arrays)
    {
        fail("no room for the shared array %s of %zu bytes: larger ones are given by the launch", name, bytes);
        return 0;
    }

    static_used = at + bytes + static_gap;
    array_ends[array_count++] = at + bytes;
    return at;
}

static void poison_shared()
{
    memset(dynamic_shared, poison, launch->shared_bytes + dynamic_guard);
    memset(static_shared, poison, array_count > 0 ? static_used : static_bytes); // arrays are declared when a block first comes by
}

static bool is_poisoned(const unsigned char* memory, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        if (memory[i] != poison) return false;
    return true;
}

static void check_shared()
{
    if (!is_poisoned(dynamic_shared + launch->shared_bytes, dynamic_guard))
        fail("writes behind the %d bytes of shared memory that it was launched with", launch->shared_bytes);
    for (int i = 0; i < array_count; i++)
        if (!is_poisoned(static_shared + array_ends[i], static_gap)) fail("writes behind the end of a shared array");
}

// Whether bytes lie in memory that a kernel may touch: one allocation, or the block's shared memory.
static bool is_allocated(const void* address, size_t bytes)
{
    uintptr_t first = (uintptr_t)address, end = first + bytes;
    auto is_within = [=](const void* start, size_t length) { return first >= (uintptr_t)start && end <= (uintptr_t)start + length; };
    if (is_within(dynamic_shared, launch->shared_bytes) || is_within(static_shared, static_used)) return true;
    int64_t low = 0, high = launch->range_count;
    while (low < high)
    {
        int64_t middle = (low + high) / 2;
        if (launch->ranges[middle].end <= first) low = middle + 1;
        else high = middle;
    }

    return low < launch->range_count && launch->ranges[low].first <= first && end <= launch->ranges[low].end;
}

static void check_access(const void* address, size_t bytes, size_t alignment, const char* what, int line)
{
    if ((uintptr_t)address % alignment != 0) fail("%s at line %d: address %p is not a multiple of %zu", what, line, address, alignment);
    if (!is_allocated(address, bytes)) fail("%s at line %d: %zu bytes at %p are outside of all allocated memory", what, line, bytes, address);
}

}
