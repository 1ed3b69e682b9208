// The execution model of a GPU on one thread of the processor: blocks run one after the other, a block's threads are fibres that
// change over where they wait for each other. Who goes on first is decided by the launch's seed. Whoever waits says for what and at
// which line of the kernel's text, so that a block that cannot go on says why. Only C's headers are used, and
// the compiler is told not to look for C++'s: each kernel file is compiled together with this one, and C++'s math.h alone takes a fifth
// of that time, its containers more than the kernels do.
#include "fibres.cuh"
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct uint3 { unsigned x, y, z; };

namespace emulator {

// Addresses of the GPU's memory that are allocated: [first, end).
struct Range { uintptr_t first, end; };

struct Faults;

// A launch as the driver describes it (LaunchDescription in C#).
struct Launch
{
    int grid_x, grid_y, grid_z, block, shared_bytes;
    uint32_t seed;
    const Range* ranges; // in order of address
    int64_t range_count;
    char* report; // what went wrong
    int64_t report_bytes;
    char** stacks; // largest_block of them, null where there is none yet; the launch's own while it runs
    Faults* faults; // the process's
};

const int warp_size = 32, largest_block = 1024, poison = 0xFF; // as fp32 and bf16 not a number, as an integer -1

struct Thread
{
    Fibre fibre;
    uint3 index;
    int number;
    bool done;
    const char* place; // what it waits at
    int line;
    Thread* next; // in a gate's list
    bool (*ready)(void*); // for a wait on a condition
    void* condition;

    int warp() const { return number / warp_size; }
    int lane() const { return number % warp_size; }
};

// Threads in no order; the place of one that is taken out goes to the last.
struct ThreadList
{
    Thread* items[largest_block];
    int count = 0;

    void add(Thread* thread) { items[count++] = thread; }

    Thread* take(int at)
    {
        Thread* thread = items[at];
        items[at] = items[--count];
        return thread;
    }
};

// Where a number of threads meet.
struct Gate
{
    int arrived = 0, expected = 0, line = 0;
    Thread* waiting = nullptr;
};

// A call that the hardware makes at a time of its own choosing.
struct Deferred
{
    void (*run)(void*);
    alignas(16) unsigned char captured[112];
};

// SplitMix64 (Steele, Lea, Flood 2014).
struct Generator
{
    uint64_t state;

    uint64_t next()
    {
        uint64_t z = state += 0x9E3779B97F4A7C15u;
        z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
        z = (z ^ z >> 27) * 0x94D049BB133111EBu;
        return z ^ z >> 31;
    }

    int below(int bound) { return (int)(next() % (uint64_t)bound); }
};

// All of it is this module's own and used by one launch at a time.
static Thread threads[largest_block], *current;
static Fibre scheduler;
static ThreadList runnable, watching;
static Deferred* deferred;
static int deferred_count, deferred_capacity;
static Gate block_gate, named_gates[16];
static uint3 block_index, block_size, grid_size;
static const Launch* launch;
static const char* kernel_name;
static void (*body)();
static bool failed;
static Generator generator;
static uint64_t blocks_started; // in all launches

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
    watching.add(current);
    suspend(place, line);
}

// Work that happens later, at the latest when all threads wait: an asynchronous copy. `work` is a function object of up to 112 bytes
// that only holds plain values.
template <class Work> static void defer(Work work)
{
    static_assert(sizeof(Work) <= sizeof(Deferred::captured) && __is_trivially_copyable(Work), "too much for deferred work");
    if (deferred_count == deferred_capacity)
        deferred = (Deferred*)realloc((void*)deferred, sizeof(Deferred) * (deferred_capacity = 2 * deferred_capacity + 64));
    Deferred& it = deferred[deferred_count++];
    it.run = [](void* captured) { (*(Work*)captured)(); };
    memcpy(it.captured, &work, sizeof work);
}

static void run_deferred()
{
    int at = generator.below(deferred_count);
    Deferred work = deferred[at];
    deferred[at] = deferred[--deferred_count];
    work.run(work.captured);
}

// Comes to a gate that opens when `expected` threads have come; waits there, or only counts.
static void arrive(Gate& gate, int expected, const char* place, int line, bool wait = true)
{
    if (gate.arrived == 0) gate.expected = expected;
    else if (gate.expected != expected) fail("%s at line %d for %d threads, while others wait there for %d", place, line, expected, gate.expected);
    bool opens = ++gate.arrived == expected;
    if (opens)
    {
        for (Thread* thread = gate.waiting; thread; thread = thread->next) runnable.add(thread);
        gate.waiting = nullptr;
        gate.arrived = 0;
    }

    if (!wait) return;
    if (opens) runnable.add(current); // the last to come has no head start
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
    arrive(block_gate, (int)block_size.x, "__syncthreads", line);
}

// Reports who waits where.
static void report_deadlock()
{
    char text[2048];
    int used = 0, ended = 0;
    for (int i = 0; i < (int)block_size.x; i++)
    {
        if (threads[i].done)
        {
            ended++;
            continue;
        }

        auto is_same = [i](int k) { return !threads[k].done && threads[k].line == threads[i].line && strcmp(threads[k].place, threads[i].place) == 0; };
        int count = 0, last = i;
        bool is_first = true;
        for (int k = 0; k < i && is_first; k++) is_first = !is_same(k);
        for (int k = i; k < (int)block_size.x && is_first; k++)
            if (is_same(k))
            {
                count++;
                last = k;
            }

        if (is_first && used < 1900)
            used += snprintf(text + used, sizeof text - used, "\n  %d threads (first %d, last %d) wait at %s, line %d", count, i, last, threads[i].place, threads[i].line);
    }

    fail("deadlock%s\n  %d threads have ended", text, ended);
}

// Who goes on: by the seed one at random, the longest there, or the newest (so that some threads run far ahead of others).
static Thread* pick()
{
    if (launch->seed % 3 == 0 || generator.below(16) == 0) return runnable.take(generator.below(runnable.count));
    return runnable.take(launch->seed % 3 == 1 ? 0 : runnable.count - 1);
}

// Lets those who wait for a condition go on where it holds.
static void watch()
{
    for (int i = 0; i < watching.count;)
    {
        if (watching.items[i]->ready(watching.items[i]->condition)) runnable.add(watching.take(i));
        else i++;
    }
}

static void enter()
{
    body();
    current->done = true;
    current->fibre.switch_to(scheduler);
}

// Runs all threads of a block to their end, or to the first failure.
static void run_threads()
{
    blocks_started++;
    block_gate = {};
    for (Gate& gate : named_gates) gate = {};
    runnable.count = watching.count = deferred_count = 0;
    int left = (int)block_size.x;
    for (int i = 0; i < left; i++)
    {
        Thread& thread = threads[i];
        thread.index = {(unsigned)i, 0, 0};
        thread.number = i;
        thread.done = false;
        if (!launch->stacks[i]) launch->stacks[i] = new_stack();
        thread.fibre.start(launch->stacks[i], enter);
        runnable.add(&thread);
    }

    while (left > 0 && !failed)
    {
        if (watching.count > 0 && (runnable.count == 0 || generator.below(4) == 0)) watch();
        if (deferred_count > 0 && (runnable.count == 0 || generator.below(4) == 0)) run_deferred();
        else if (runnable.count == 0) report_deadlock();
        if (runnable.count == 0) continue;
        current = pick();
        scheduler.switch_to(current->fibre);
        if (current->done) left--;
        current = nullptr;
    }

    while (deferred_count > 0 && !failed) run_deferred();
}

}
