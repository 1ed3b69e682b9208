// Rows that a team keeps in registers: thread `lane` has the packs lane, lane + TEAM, … , CHUNKS of them.

// Calls body(chunk, column) for each pack of this thread that lies within a row of so many columns, a multiple of VECTOR.
template <class Body> __device__ inline void for_chunks(int columns, Body body)
{
#pragma unroll
    for (int chunk = 0; chunk < CHUNKS; chunk++)
    {
        int column = (chunk * TEAM + team_lane()) * VECTOR;
        if (column < columns) body(chunk, column);
    }
}
