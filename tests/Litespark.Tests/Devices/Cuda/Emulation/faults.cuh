// A fault of a kernel ends the launch with a report instead of the process: an address that is not mapped, an overflow of its stack, and
// what the compiler was asked to trap (misaligned accesses, indices beyond an array, overflows of integers, division by zero). Faults of
// others go on to who was there before: the .NET runtime makes exceptions of its own.
#include "scheduler.cuh"
#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <ucontext.h>

namespace emulator {

const int fault_signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP}, most_signals = 65;

static pthread_t emulating;
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

static void on_fault(int signal, siginfo_t* info, void* context)
{
    if (current && pthread_equal(pthread_self(), emulating))
    {
        const char *address = (const char*)info->si_addr, *stack = launch->stacks[current->number];
        unsigned long at = position_of(context);
        if (signal != SIGSEGV && signal != SIGBUS) fail("misaligned access, index beyond an array, integer overflow or division by zero at instruction %lx", at);
        if (address >= stack - guard_bytes && address < stack) fail("stack overflow: too many or too large local variables, at instruction %lx", at);
        fail("memory fault (address %p) at instruction %lx", (const void*)address, at);
    }

    struct sigaction* next = &previous[signal];
    if (next->sa_flags & SA_SIGINFO) next->sa_sigaction(signal, info, context);
    else if (next->sa_handler != SIG_DFL && next->sa_handler != SIG_IGN) next->sa_handler(signal);
    else sigaction(signal, next, nullptr); // the fault comes again, and ends the process
}

// Once for each module, which stays loaded from then on (the linker is told so). The alternative stack is the runtime's: it has one for
// each of its threads. The handler is left by switching to another fibre, so its signal must not stay blocked.
static void catch_faults()
{
    static bool is_done = false;
    emulating = pthread_self();
    if (is_done) return;
    is_done = true;
    struct sigaction action = {};
    action.sa_sigaction = on_fault;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
    for (int signal : fault_signals) sigaction(signal, &action, &previous[signal]);
}

}
