// Pins hold a wrapper of the hardware to what its instruction is defined to do: one kernel each, which gets words and gives words; what
// should come out is worked out elsewhere, from the definition. A pin runs on a GPU and on an emulator alike.
#include "device.cuh"

#define PIN(name) extern "C" __global__ void name(const uint32* in, uint32* out)

// A pin of a function of one word: thread i takes word i, as an unsigned u and as a float x.
#define PIN_EACH(name, word) \
    PIN(name) \
    { \
        const int i = threadIdx.x; \
        [[maybe_unused]] const uint32 u = in[i]; \
        [[maybe_unused]] const float x = __uint_as_float(u); \
        out[i] = word; \
    } \
    KERNEL(name)

// The same for a function of two, the words 2i and 2i + 1.
#define PIN_PAIR(name, word) \
    PIN(name) \
    { \
        const int i = threadIdx.x; \
        const float x = __uint_as_float(in[2 * i]), y = __uint_as_float(in[2 * i + 1]); \
        out[i] = word; \
    } \
    KERNEL(name)
