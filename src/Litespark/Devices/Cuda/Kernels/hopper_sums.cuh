// What a warpgroup does with the stages of a ring: its part of a tile's sums, Fragments × 64 rows of 128 columns, and their way to memory.

// Adds up the steps of the ring's next tile. The warpgroup's operands begin so many bytes into a stage's A and B.
template <int TransposeA, int TransposeB, int Fragments>
__device__ __forceinline__ void multiply_tile(float (&sums)[Fragments][64], Ring& ring, int steps, int a_offset, int b_offset)
{
    // Depth of 16 is 32 bytes of each row, or 16 rows of a transposed operand.
    constexpr int Group = 8 * RowBytes, Panel = Step * RowBytes, Deeper = 32, DeeperTransposed = 16 * RowBytes;
    #pragma unroll
    for (int f = 0; f < Fragments; f++)
        #pragma unroll
        for (int i = 0; i < 64; i++) sums[f][i] = 0;

    int before = 0;
    for (int step = 0; step < steps; step++)
    {
        if (step > 0) ring.wait_full(); // who read the tile has waited for its first
        const uint64 a = operand_at(ring.a() + a_offset, Group, Panel), b = operand_at(ring.b() + b_offset, Group, Panel);
        fence_products();
        #pragma unroll
        for (int k = 0; k < Step / 16; k++)
        {
            const uint64 right = operand_beyond(b, k * (TransposeB ? DeeperTransposed : Deeper));
            #pragma unroll
            for (int f = 0; f < Fragments; f++)
            {
                const uint64 left = operand_beyond(a, f * (TransposeA ? Panel : 64 * RowBytes) + k * (TransposeA ? DeeperTransposed : Deeper));
                multiply_add_64x128<TransposeA, TransposeB>(sums[f], left, right);
            }
        }

        commit_products();
        if (step > 0)
        {
            wait_products<1>();
            ring.leave(before);
        }

        before = ring.stage;
        ring.advance();
    }

    wait_products<0>();
    #pragma unroll
    for (int f = 0; f < Fragments; f++) take_sums(sums[f]);
    ring.leave(before);
}

// Finishes and stores the sums of the rows from `row` and the columns from `column` on; rows from row_end on do not exist. Two neighbouring
// lanes swap half of what they hold, so that each has four columns of a row in one piece and a warp stores whole sectors.
template <int Fragments>
__device__ __forceinline__ void store_tile(const float (&sums)[Fragments][64], const GemmFinish& finish, int row, int column, int row_end)
{
    constexpr int AtOnce = 4;
    const int lane = lane_index(), odd = lane & 1;
    const int first_row = row + threadIdx.x % GroupThreads / WARP * 16 + lane / 4, first_column = column + 8 * odd + lane % 4 / 2 * 4;
    #pragma unroll
    for (int f = 0; f < Fragments; f++)
        #pragma unroll
        for (int half = 0; half < 2; half++)
        {
            const int at_row = first_row + f * 64 + half * 8;
            output* const to = finish.c + at_row * finish.stride + first_column;
            const bool exists = at_row < row_end;
            #pragma unroll
            for (int pair = 0; pair < 8; pair += AtOnce)
            {
                // What is added to is read for several stores at once: each would wait for memory else.
                float4 old[AtOnce];
                #pragma unroll
                for (int i = 0; i < AtOnce; i++) old[i] = finish.accumulate && exists ? GemmFinish::get(to + (pair + i) * 16) : make_float4(0, 0, 0, 0);
                #pragma unroll
                for (int i = 0; i < AtOnce; i++)
                {
                    const float* d = sums[f] + (pair + i) * 8 + half * 2; // columns 8 … of the pair's left half, four sums on of its right
                    const float x = __shfl_xor_sync(ALL_LANES, odd ? d[0] : d[4], 1), y = __shfl_xor_sync(ALL_LANES, odd ? d[1] : d[5], 1);
                    float four[4] = {odd ? x : d[0], odd ? y : d[1], odd ? d[4] : x, odd ? d[5] : y};
                    const float before[4] = {old[i].x, old[i].y, old[i].z, old[i].w};
                    #pragma unroll
                    for (int e = 0; e < 4; e++)
                        four[e] = finish.alpha * four[e] + (finish.bias ? to_float(finish.bias[first_column + (pair + i) * 16 + e]) : 0.0f) + before[e];
                    if (exists) GemmFinish::put(to + (pair + i) * 16, make_float4(four[0], four[1], four[2], four[3]));
                }
            }
        }
}
