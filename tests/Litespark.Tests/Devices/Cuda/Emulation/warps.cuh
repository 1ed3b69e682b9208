// Lanes of a warp hand each other values: shuffles, votes, and what else a warp does as one.
#include "scheduler.cuh"

namespace emulator {

// Where the lanes of a mask meet. Two sets of slots, because a lane may come to the next exchange before another has read the last.
struct Exchange
{
    uint32_t mask;
    Gate gate;
    const char* what;
    int turn;
    alignas(16) unsigned char slots[2][warp_size][16];
};

const int most_masks = 64; // that a warp uses in one block
static Exchange exchanges[largest_block / warp_size][most_masks];
static int exchange_counts[largest_block / warp_size];

static void reset_exchanges()
{
    for (int& count : exchange_counts) count = 0;
}

static Exchange& exchange_of(uint32_t mask, int line)
{
    int warp = current->warp(), &count = exchange_counts[warp];
    for (int i = 0; i < count; i++)
        if (exchanges[warp][i].mask == mask) return exchanges[warp][i];
    if (count == most_masks) fail("line %d: more than %d different masks", line, most_masks);
    Exchange& exchange = exchanges[warp][count++];
    exchange.mask = mask;
    exchange.gate = {};
    exchange.turn = 0;
    return exchange;
}

// All lanes of the mask give a value; each may then read all lanes' slots until it comes to the mask's next exchange.
template <class T> static const unsigned char (*give(const char* what, uint32_t mask, T value, int line))[16]
{
    static_assert(sizeof(T) <= 16, "at most 16 bytes");
    int lane = current->lane(), lanes = (int)block_size.x - current->warp() * warp_size, count = __builtin_popcount(mask);
    if (!(mask >> lane & 1)) fail("%s at line %d: lane %d is not in its own mask %08x", what, line, lane, mask);
    if (lanes < warp_size && mask >> lanes != 0) fail("%s at line %d: mask %08x names lanes beyond the block's %u threads", what, line, mask, block_size.x);
    Exchange& exchange = exchange_of(mask, line);
    if (exchange.gate.arrived == 0)
    {
        exchange.what = what;
        exchange.gate.line = line;
    }
    else if (exchange.what != what || exchange.gate.line != line)
        fail("divergent %s: comes to line %d while other lanes of mask %08x wait at %s, line %d", what, line, mask, exchange.what, exchange.gate.line);
    const unsigned char (*slots)[16] = exchange.slots[exchange.turn];
    memcpy(exchange.slots[exchange.turn][lane], &value, sizeof value);
    if (exchange.gate.arrived + 1 == count) exchange.turn ^= 1;
    arrive(exchange.gate, count, what, line);
    return slots;
}

template <class T> static T take(const unsigned char (*slots)[16], int lane)
{
    T value;
    memcpy(&value, slots[lane], sizeof value);
    return value;
}

// The value of lane `source`; outside of 0 … 31 the lane's own.
template <class T> static T shuffle(const char* what, uint32_t mask, T value, int source, int line)
{
    const unsigned char (*slots)[16] = give(what, mask, value, line);
    if (source < 0 || source >= warp_size) return value;
    if (!(mask >> source & 1)) fail("%s at line %d reads lane %d, which is not in mask %08x", what, line, source, mask);
    return take<T>(slots, source);
}

}
