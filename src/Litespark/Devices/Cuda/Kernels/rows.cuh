// Teams: TEAM threads work on one row (or one group of its columns). A block of THREADS threads is several teams of a power of two
// up to a warp, or one team of whole warps.
constexpr int teams = THREADS / TEAM;
constexpr int team_warps = (TEAM + 31) / 32;

// Floats of shared memory that sums over a team take.
constexpr int team_scratch(int values) { return team_warps > 1 ? values * team_warps : 0; }

__device__ int team_lane() { return threadIdx.x % TEAM; }

__device__ int team_index() { return threadIdx.x / TEAM; }

struct Add
{
    static __device__ float apply(float a, float b) { return a + b; }
};

struct Larger
{
    static __device__ float apply(float a, float b) { return a > b ? a : b; }
};

// Combines each of N values over the team, in a fixed order; every thread gets the results. All threads of the block must call it.
template <typename Operation, int N> __device__ void team_combine(float (&values)[N], float* scratch)
{
#pragma unroll
    for (int i = 0; i < N; i++)
    {
#pragma unroll
        for (int step = (TEAM < 32 ? TEAM : 32) / 2; step > 0; step /= 2)
            values[i] = Operation::apply(values[i], __shfl_xor_sync(0xffffffffu, values[i], step));
    }

    if (team_warps > 1)
    {
        __syncthreads(); // what an earlier call left is no longer read
        if (threadIdx.x % 32 == 0)
        {
            for (int i = 0; i < N; i++) scratch[i * team_warps + threadIdx.x / 32] = values[i];
        }

        __syncthreads();
#pragma unroll
        for (int i = 0; i < N; i++)
        {
            // Each warp combines all warps' values in the same tree.
            int lane = threadIdx.x % 32;
            float value = scratch[i * team_warps + (lane < team_warps ? lane : 0)];
            if (lane >= team_warps) value = Operation::neutral;
        }
    }
}
