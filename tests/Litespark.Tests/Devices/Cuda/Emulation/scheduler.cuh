// The execution model of a GPU on one thread of the processor: blocks run one after the other, a block's threads are fibres that
// change over where they wait for each other. Who goes on first is decided by the launch's seed. Whoever waits says for what and at
// which line of the kernel's text, so that a block that cannot go on says why.
#include "fibres.cuh"
#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <vector>

struct uint3 { unsigned x, y, z; };

namespace emulator {

// Addresses of the GPU's memory that are allocated: [first, end).
struct Range { uintptr_t first, end; };

// A launch as the driver describes it (EmulatedLaunch in C#).
struct Launch
{
    int grid_x, grid_y, grid_z, block, shared_bytes;
    uint32_t seed;
    const Range* ranges; // in order of address
    int64_t range_count;
    char* report; // what went wrong
    int64_t report_bytes;
};

const int warp_size = 32, largest_block = 1024, poison = 0xFF; // as fp32 and bf16 not a number, as an integer -1
const size_t static_shared_bytes = 48 << 10, dynamic_shared_bytes = 227 << 10, shared_guard = 1024;

struct Thread
{
    Fibre fibre;
    uint3 index;
    int number;
    bool done;
    const char* place; // what it waits at
    int line;
    Thread* next;
    bool (*ready)(void*); // for a wait on a condition
    void* condition;

    int warp() const { return number / warp_size; }
    int lane() const { return number % warp_size; }
};

// Where a number of threads meet.
struct Gate
{
    int arrived = 0, expected = 0, line = 0;
    Thread* waiting = nullptr;
};

// Where the lanes of a mask meet and hand each other values; two sets of slots, because a lane may come to the next exchange before
// another has read the last one.
struct Exchange
{
    Gate gate;
    const char* what = nullptr;
    int turn = 0;
    alignas(16) unsigned char slots[2][warp_size][16];
};

struct Generator
{
    uint64_t state;
    // SplitMix64 (Steele, Lea, Flood 2014).
    uint64_t next()
    {
        uint64_t z = state += 0x9E3779B97F4A7C15u;
        z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
        z = (z ^ z >> 27) * 0x94D049BB133111EBu;
        return z ^ z >> 31;
    }
    int below(size_t bound) { return (int)(next() % bound); }
};

// All of it is this module's own and used by one launch at a time.
static Thread threads[largest_block], *current;
static char* stacks[largest_block];
static Fibre scheduler;
static std::vector<Thread*> runnable, watching;
static std::deque<std::function<void()>> deferred;
static Gate block_gate, named_gates[16];
static std::map<uint32_t, Exchange> exchanges[largest_block / warp_size];
static uint3 block_index, block_size, grid_size;
static const Launch* launch;
static const char* kernel_name;
static bool failed;
static void (*body)();
static Generator generator;
alignas(1024) static unsigned char static_shared[static_shared_bytes];
alignas(1024) static unsigned char dynamic_shared[dynamic_shared_bytes + shared_guard];
static size_t static_shared_used;
static std::vector<size_t> static_shared_ends;

// Ends the launch with a report. Called by a fibre it does not return; the block's other fibres are dropped where they stand.
__attribute__((format(printf, 1, 2))) static void fail(const char* format, ...)
{
    if (!failed)
    {
        failed = true;
        int64_t used = snprintf(launch->report, launch->report_bytes, "%s, block (%u, %u, %u)", kernel_name, block_index.x, block_index.y, block_index.z);
        if (current) used += snprintf(launch->report + used, launch->report_bytes - used, ", thread %d", current->number);
        used += snprintf(launch->report + used, launch->report_bytes - used, ": ");
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(launch->report + used, launch->report_bytes - used, format, arguments);
        va_end(arguments);
    }
    if (current) current->fibre.switch_to(scheduler);
}

static void suspend(const char* place, int line)
{
    current->place = place;
    current->line = line;
    current->fibre.switch_to(scheduler);
}

// Waits until a condition holds that other threads or deferred work bring about.
template <class Condition> static void wait_until(const char* place, int line, Condition condition)
{
    if (condition()) return;
    current->condition = &condition;
    current->ready = [](void* it) { return (bool)(*(Condition*)it)(); };
    watching.push_back(current);
    suspend(place, line);
}

// Work that the hardware does at a time of its own choosing: an asynchronous copy. Done at the latest when all threads wait.
static inline void defer(std::function<void()> work) { deferred.push_back(std::move(work)); }

static void open_gate(Gate& gate)
{
    for (Thread* thread = gate.waiting; thread; thread = thread->next) runnable.push_back(thread);
    gate.waiting = nullptr;
    gate.arrived = 0;
}

// Comes to a gate that opens when `expected` threads have come; waits there, or only counts.
static void arrive(Gate& gate, int expected, const char* place, int line, bool wait = true)
{
    if (gate.arrived == 0) gate.expected = expected;
    else if (gate.expected != expected) fail("%s at line %d for %d threads, while others wait there for %d", place, line, expected, gate.expected);
    if (++gate.arrived == expected)
    {
        open_gate(gate);
        if (!wait) return;
        runnable.push_back(current); // the last to come has no head start
    }
    else if (!wait) return;
    else
    {
        current->next = gate.waiting;
        gate.waiting = current;
    }
    suspend(place, line);
}

static void block_barrier(int line)
{
    if (block_gate.arrived == 0) block_gate.line = line;
    else if (block_gate.line != line) fail("divergent __syncthreads: comes to line %d while other threads wait at line %d", line, block_gate.line);
    arrive(block_gate, block_size.x, "__syncthreads", line);
}

// All lanes of the mask give a value; afterwards each can read all lanes' slots.
template <class T> static const unsigned char (*give(const char* what, uint32_t mask, T value, int line))[16]
{
    static_assert(sizeof(T) <= 16, "at most 16 bytes");
    int lane = current->lane();
    if (!(mask >> lane & 1)) fail("%s at line %d: lane %d is not in its own mask %08x", what, line, lane, mask);
    if (__builtin_clz(mask) < warp_size - ((int)block_size.x - current->warp() * warp_size)) fail("%s at line %d: mask %08x names lanes beyond the block's %u threads", what, line, mask, block_size.x);
    Exchange& exchange = exchanges[current->warp()][mask];
    if (exchange.gate.arrived == 0)
    {
        exchange.what = what;
        exchange.gate.line = line;
    }
    else if (exchange.what != what || exchange.gate.line != line)
        fail("divergent %s: comes to line %d while other lanes of mask %08x wait at %s, line %d", what, line, mask, exchange.what, exchange.gate.line);
    auto& slots = exchange.slots[exchange.turn];
    memcpy(slots[lane], &value, sizeof value);
    if (exchange.gate.arrived + 1 == __builtin_popcount(mask)) exchange.turn ^= 1;
    arrive(exchange.gate, __builtin_popcount(mask), what, line);
    return slots;
}

template <class T> static T take(const unsigned char (*slots)[16], int lane)
{
    T value;
    memcpy(&value, slots[lane], sizeof value);
    return value;
}

template <class T> static T shuffle(const char* what, uint32_t mask, T value, int source, int line)
{
    const unsigned char (*slots)[16] = give(what, mask, value, line);
    if (source < 0 || source >= warp_size) return value; // beyond the warp: the lane's own
    if (!(mask >> source & 1)) fail("%s at line %d reads lane %d, which is not in mask %08x", what, line, source, mask);
    return take<T>(slots, source);
}

static size_t reserve_shared(size_t bytes, const char* name)
{
    size_t at = (static_shared_used + 15) / 16 * 16;
    if (at + bytes + 64 > static_shared_bytes)
    {
        fail("no room for shared array %s of %zu bytes: larger ones are the launch's", name, bytes);
        return 0;
    }
    static_shared_used = at + bytes + 64; // the gap shows writes behind the end
    static_shared_ends.push_back(at + bytes);
    return at;
}

static bool is_poisoned(const unsigned char* memory, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        if (memory[i] != poison) return false;
    return true;
}

// Whether [address, address + bytes) lies in memory that a kernel may touch: one allocation, or the block's shared memory.
static bool is_allocated(const void* address, size_t bytes)
{
    uintptr_t first = (uintptr_t)address, end = first + bytes;
    auto within = [&](const void* start, size_t length) { return first >= (uintptr_t)start && end <= (uintptr_t)start + length; };
    if (within(dynamic_shared, launch->shared_bytes) || within(static_shared, static_shared_used)) return true;
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

// Who waits where, as "threads 0-31 (32) at __syncthreads, line 7; …".
static std::string describe_waiting()
{
    std::map<std::pair<std::string, int>, std::vector<int>> places;
    int ended = 0;
    for (unsigned i = 0; i < block_size.x; i++)
    {
        if (threads[i].done) ended++;
        else places[{threads[i].place, threads[i].line}].push_back((int)i);
    }
    std::string text;
    for (auto& place : places)
    {
        const std::vector<int>& list = place.second;
        text += "\n  " + std::to_string(list.size()) + " threads (first " + std::to_string(list.front()) + ", last " + std::to_string(list.back())
            + ") wait at " + place.first.first + ", line " + std::to_string(place.first.second);
    }
    return text + "\n  " + std::to_string(ended) + " threads have ended";
}

// The order in which runnable threads go on: by the seed at random, oldest first, or newest first (some run far ahead).
static Thread* pick()
{
    size_t at = launch->seed % 3 == 0 ? generator.below(runnable.size()) : launch->seed % 3 == 1 ? 0 : runnable.size() - 1;
    if (launch->seed % 3 != 0 && generator.below(16) == 0) at = generator.below(runnable.size());
    Thread* thread = runnable[at];
    if (at == 0 && launch->seed % 3 == 1)
    {
        runnable.erase(runnable.begin());
        return thread;
    }
    runnable[at] = runnable.back();
    runnable.pop_back();
    return thread;
}

static void watch()
{
    for (size_t i = 0; i < watching.size();)
    {
        if (watching[i]->ready(watching[i]->condition))
        {
            runnable.push_back(watching[i]);
            watching[i] = watching.back();
            watching.pop_back();
        }
        else i++;
    }
}

static void run_deferred()
{
    int at = generator.below(deferred.size());
    std::function<void()> work = std::move(deferred[at]);
    deferred.erase(deferred.begin() + at);
    work();
}

static void enter()
{
    body();
    current->done = true;
    current->place = "its end";
    current->fibre.switch_to(scheduler);
}

static void run_block()
{
    memset(dynamic_shared, poison, launch->shared_bytes + shared_guard);
    memset(static_shared, poison, static_shared_used ? static_shared_used : static_shared_bytes);
    block_gate = {};
    for (Gate& gate : named_gates) gate = {};
    for (auto& warp : exchanges) warp.clear();
    runnable.clear();
    watching.clear();
    deferred.clear();
    int count = (int)block_size.x, left = count;
    for (int i = 0; i < count; i++)
    {
        Thread& thread = threads[i];
        thread.index = {(unsigned)i, 0, 0};
        thread.number = i;
        thread.done = false;
        if (!stacks[i]) stacks[i] = new_stack();
        thread.fibre.start(stacks[i], enter);
        runnable.push_back(&thread);
    }

    while (left > 0 && !failed)
    {
        if (!watching.empty() && (runnable.empty() || generator.below(4) == 0)) watch();
        if (!deferred.empty() && (runnable.empty() || generator.below(4) == 0)) run_deferred();
        else if (runnable.empty())
        {
            current = nullptr;
            fail("deadlock%s", describe_waiting().c_str());
        }
        if (runnable.empty()) continue;
        current = pick();
        scheduler.switch_to(current->fibre);
        if (current->done) left--;
        current = nullptr;
    }

    current = nullptr;
    if (failed) return;
    while (!deferred.empty()) run_deferred();
    if (!is_poisoned(dynamic_shared + launch->shared_bytes, shared_guard)) fail("writes behind the %d bytes of shared memory that it was launched with", launch->shared_bytes);
    for (size_t end : static_shared_ends)
        if (!is_poisoned(static_shared + end, 64)) fail("writes behind the end of a shared array");
    if (block_gate.arrived > 0) fail("ends with threads in __syncthreads");
}

}
