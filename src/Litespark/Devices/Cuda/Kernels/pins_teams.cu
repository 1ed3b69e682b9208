#include "pins.cuh"
#include "teams.cuh"
// variants: TEAM=1 THREADS=64; TEAM=8 THREADS=64; TEAM=32 THREADS=64; TEAM=96 THREADS=96; TEAM=256 THREADS=256

// Sum and largest of each team's numbers.
PIN(pin_teams)
{
    const float x = __uint_as_float(in[threadIdx.x]);
    out[threadIdx.x] = __float_as_uint(team_sum(x));
    out[THREADS + threadIdx.x] = __float_as_uint(team_max(x));
    out[2 * THREADS + threadIdx.x] = team_index() * TEAM + team_lane();
}
KERNEL(pin_teams)
