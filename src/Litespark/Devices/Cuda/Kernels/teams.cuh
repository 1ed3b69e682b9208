// Teams: TEAM threads work on one row together. A block of THREADS threads is some teams of whole warps (at most 15 where they are more than
// one, for each has a barrier of its own), or several teams of a power of two of threads, at most a warp each.

[[maybe_unused]] constexpr int team_count = THREADS / TEAM;
constexpr int team_warps = (TEAM + WARP - 1) / WARP;

__device__ inline int team_index() { return threadIdx.x / TEAM; }

__device__ inline int team_lane() { return threadIdx.x % TEAM; }

// Waits for the team's threads, where they are several warps.
__device__ inline void team_barrier()
{
    if constexpr (team_count == 1) __syncthreads();
    else barrier_sync(1 + team_index(), TEAM);
}

struct Plus
{
    template <class T> __device__ static T apply(T a, T b) { return a + b; }
};

struct Larger
{
    __device__ static float apply(float a, float b) { return fmaxf(a, b); }
};

// Combines each of N values over the team, in a fixed order, and gives all its threads the results. Every thread of the team calls, of its warp where teams share one.
template <class Operation, class T, int N> __device__ inline void team_combine(T (&values)[N])
{
#pragma unroll
    for (int step = (TEAM < WARP ? TEAM : WARP) / 2; step > 0; step /= 2)
    {
#pragma unroll
        for (int i = 0; i < N; i++) values[i] = Operation::apply(values[i], __shfl_xor_sync(ALL_LANES, values[i], step));
    }

    if constexpr (team_warps > 1)
    {
        SHARED_ARRAY(T, partials, N * team_warps * team_count);
        T* partial = partials + N * team_warps * team_index();
        team_barrier(); // the last call's results have been read
        if (lane_index() == 0)
        {
#pragma unroll
            for (int i = 0; i < N; i++) partial[i * team_warps + team_lane() / WARP] = values[i];
        }

        team_barrier();
#pragma unroll
        for (int i = 0; i < N; i++)
        {
            values[i] = partial[i * team_warps];
#pragma unroll
            for (int warp = 1; warp < team_warps; warp++) values[i] = Operation::apply(values[i], partial[i * team_warps + warp]);
        }
    }
}

template <class T> __device__ inline T team_sum(T x)
{
    T values[1] = {x};
    team_combine<Plus>(values);
    return values[0];
}

__device__ inline float team_max(float x)
{
    float values[1] = {x};
    team_combine<Larger>(values);
    return values[0];
}
