// Through which tiles the flash-attention kernels go, and what a warp has to do in each. Without PATTERN those of all keys from the first to the
// last that somebody sees; with it the ones that the heads' patterns show and that are not left out (attention_pattern.cuh).
#include "attention_pattern.cuh"

// Patterns need a few registers more, which the compiler is not to spill for the sake of more blocks at once.
constexpr int LeastBlocks = PATTERN ? 1 : 0;

#if PATTERN

// What a block and one of its warps find in 32 steps, a bit for each: whether the block goes there, and whether the warp sees some or every pair.
struct StepBits
{
    uint32 live, some, every;
    int chunk;

    // The first live step from `step` on, which never lies before an earlier one; `steps` where there is none. Each lane looks at a step of its own,
    // and every warp of the block finds the same.
    template <class Look> __device__ __forceinline__ int next(int step, int steps, Look look)
    {
        while (step < steps)
        {
            if (step / 32 != chunk)
            {
                chunk = step / 32;
                const int own = chunk * 32 + threadIdx.x % 32;
                bool is_live = false, sees_some = false, sees_every = false;
                if (own < steps) look(own, is_live, sees_some, sees_every);
                live = __ballot_sync(0xFFFFFFFFu, is_live);
                some = __ballot_sync(0xFFFFFFFFu, sees_some);
                every = __ballot_sync(0xFFFFFFFFu, sees_every);
            }

            const uint32 rest = live >> step % 32;
            if (rest != 0) return step + __ffs(rest) - 1;
            step = (chunk + 1) * 32;
        }

        return steps;
    }

    __device__ __forceinline__ bool sees(int step) const { return some >> step % 32 & 1; }
    __device__ __forceinline__ bool sees_all(int step) const { return every >> step % 32 & 1; }
};

#endif
