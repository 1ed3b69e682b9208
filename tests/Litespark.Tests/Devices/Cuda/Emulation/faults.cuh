// A fault of a kernel ends the launch with a report instead of the process: an address that is not mapped, an overflow of its stack, and
// what the compiler was asked to trap (misaligned accesses, indices beyond an array, overflows of integers, division by zero). Faults of
// others go on to who was there before: the .NET runtime makes exceptions of its own.
#include "scheduler.cuh"
#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <ucontext.h>

namespace emulator {

const int fault_signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP}, most_signals = 65, most_launches = 64;

// A thread of the system that runs a launch, and the function of its module that reports what it does wrong.
struct FaultSlot
{
    void (*report)(int signal, siginfo_t* info, void* context); // null where the slot is free
    pthread_t thread;
};

// The process has one handler for all modules, the first one's: were each to hand on to the one before it, a hundred modules' frames
// would not fit on the stack that signals have. It lies in memory of the driver, zeroed at first.
struct Faults
{
    int is_installed;
    FaultSlot slots[most_launches];
};

static Faults* faults;
static FaultSlot* own_slot;
static struct sigaction previous[most_signals];

// Where in this module an instruction lies, for a look into its line numbers.
static unsigned long position_of(void* context)
{
    const ucontext_t* state = (const ucontext_t*)context;
#if defined(__x86_64__)
    const char* instruction = (const char*)state->uc_mcontext.gregs[REG_RIP];
#elif defined(__aarch64__)
    const char* instruction = (const char*)state->uc_mcontext.pc;
#else
    const char* instruction = nullptr;
#endif
    Dl_info module;
    return dladdr((void*)&position_of, &module) && instruction > (const char*)module.dli_fbase ? (unsigned long)(instruction - (const char*)module.dli_fbase) : 0;
}

// Comes back only where the fault is not that of the launch.
static void report_fault(int signal, siginfo_t* info, void* context)
{
    if (!current) return;
    const char *address = (const char*)info->si_addr, *stack = launch->stacks[current->number];
    unsigned long at = position_of(context);
    if (signal != SIGSEGV && signal != SIGBUS) fail("misaligned access, index beyond an array, integer overflow or division by zero at instruction %lx", at);
    if (address >= stack - guard_bytes && address < stack) fail("stack overflow: too many or too large local variables, at instruction %lx", at);
    fail("memory fault (address %p) at instruction %lx", (const void*)address, at);
}

static void on_fault(int signal, siginfo_t* info, void* context)
{
    for (FaultSlot& slot : faults->slots)
    {
        auto report = __atomic_load_n(&slot.report, __ATOMIC_ACQUIRE);
        if (report && pthread_equal(slot.thread, pthread_self())) report(signal, info, context);
    }

    struct sigaction* next = &previous[signal];
    if (next->sa_flags & SA_SIGINFO) next->sa_sigaction(signal, info, context);
    else if (next->sa_handler != SIG_DFL && next->sa_handler != SIG_IGN) next->sa_handler(signal);
    else sigaction(signal, next, nullptr); // the fault comes again, and ends the process
}

// Before a launch. A module stays loaded (the linker is told so), for it may be the one with the handler. The alternative stack is the
// runtime's: it has one for each of its threads. The handler is left by switching to another fibre, so its signal must not stay blocked.
static void catch_faults(Faults* all)
{
    faults = all;
    own_slot = nullptr;
    for (FaultSlot& slot : faults->slots)
    {
        void (*free_slot)(int, siginfo_t*, void*) = nullptr;
        if (!__atomic_compare_exchange_n(&slot.report, &free_slot, &report_fault, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED)) continue;
        slot.thread = pthread_self();
        own_slot = &slot;
        break;
    }

    if (__atomic_exchange_n(&faults->is_installed, 1, __ATOMIC_ACQ_REL)) return;
    struct sigaction action = {};
    action.sa_sigaction = on_fault;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
    for (int signal : fault_signals) sigaction(signal, &action, &previous[signal]);
}

// After a launch.
static void leave_faults()
{
    current = nullptr;
    if (own_slot) __atomic_store_n(&own_slot->report, (decltype(own_slot->report))nullptr, __ATOMIC_RELEASE);
}

}
