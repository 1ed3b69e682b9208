// Fibres: several stacks on one thread of the system, switched by hand. One fibre plays one thread of the GPU.
#include <sys/mman.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#if !defined(__x86_64__)
#include <ucontext.h>
#endif

namespace emulator {

const size_t stack_bytes = 128 << 10;
const size_t guard_bytes = 16 << 10; // of every stack, below it: an overflow faults rather than destroying the neighbour

// Stacks are kept from launch to launch, for a mapping costs more than a small kernel, and shared by all libraries, for the system limits
// their number.
inline char* new_stack()
{
    char* memory = (char*)mmap(nullptr, guard_bytes + stack_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED || mprotect(memory, guard_bytes, PROT_NONE) != 0)
    {
        fprintf(stderr, "emulator: no memory for the stack of a thread\n");
        abort();
    }

    return memory + guard_bytes;
}

#if defined(__x86_64__)

// Saves what a called function must keep on the old stack, and takes it from the new one.
extern "C" __attribute__((visibility("hidden"))) void emulator_switch(void** from, void* to);
asm(R"(
.text
.hidden emulator_switch
.globl emulator_switch
.type emulator_switch, @function
emulator_switch:
    push %rbp
    push %rbx
    push %r12
    push %r13
    push %r14
    push %r15
    mov %rsp, (%rdi)
    mov %rsi, %rsp
    pop %r15
    pop %r14
    pop %r13
    pop %r12
    pop %rbx
    pop %rbp
    ret
.size emulator_switch, .-emulator_switch
)");

struct Fibre
{
    void* position = nullptr;

    void start(char* stack, void (*body)())
    {
        void** top = (void**)(stack + stack_bytes - 64);
        *--top = nullptr; // the body's return address: it never returns; also what makes its stack aligned as after a call
        *--top = (void*)body;
        for (int saved = 0; saved < 6; saved++) *--top = nullptr;
        position = top;
    }

    void switch_to(Fibre& other) { emulator_switch(&position, other.position); }
};

#else

struct Fibre
{
    ucontext_t context;

    void start(char* stack, void (*body)())
    {
        getcontext(&context);
        context.uc_stack.ss_sp = stack;
        context.uc_stack.ss_size = stack_bytes;
        context.uc_link = nullptr;
        makecontext(&context, body, 0);
    }

    void switch_to(Fibre& other) { swapcontext(&context, &other.context); }
};

#endif

}
