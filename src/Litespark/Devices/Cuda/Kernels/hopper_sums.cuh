// What a warpgroup does with the stages of a ring: its half of a tile's rows, and their way to memory. Sums are held in pieces of 64 rows and 128
// columns, which lie below each other; of a tile 256 columns wide beside each other.
constexpr bool IsWide = TILE_N == 256;
constexpr int GroupRows = TILE_M / Consumers, FRAGMENTS = GroupRows * TILE_N / (64 * 128);
static_assert(IsWide ? GroupRows == 64 : TILE_N == 128 && GroupRows % 64 == 0, "a warpgroup computes 64 rows of 256 columns, or some times 64 of 128");

// Elements in 16 bytes of a row of the result.
constexpr int VECTOR = 16 / sizeof(output);
#include "packs.cuh"

// Adds up the steps of the ring's next tile; of a wide one by one piece its left half alone.
template <int TransposeA, int TransposeB, int Fragments>
__device__ __forceinline__ void multiply_tile(float (&sums)[Fragments][64], Ring& ring, int steps)
{
    // Depth of 16 is 32 bytes of each row, or 16 rows of a transposed operand.
    constexpr int Group = 8 * RowBytes, Panel = Step * RowBytes, Deeper = 32, DeeperTransposed = 16 * RowBytes;
    const int above = threadIdx.x / GroupThreads * GroupRows * RowBytes;
    #pragma unroll
    for (int f = 0; f < Fragments; f++)
        #pragma unroll
        for (int i = 0; i < 64; i++) sums[f][i] = 0;

    int before = 0;
    for (int step = 0; step < steps; step++)
    {
        if (step > 0) ring.wait_full(); // who read the tile has waited for its first
        const uint64 a = operand_at(ring.a() + above, Group, Panel), b = operand_at(ring.b(), Group, Panel);
        fence_products();
        #pragma unroll
        for (int k = 0; k < Step / 16; k++)
        {
            const uint64 left = operand_beyond(a, k * (TransposeA ? DeeperTransposed : Deeper)), right = operand_beyond(b, k * (TransposeB ? DeeperTransposed : Deeper));
            if constexpr (IsWide && Fragments == 2) multiply_add_64x256<TransposeA, TransposeB>(sums[0], sums[1], left, right);
            else
            {
                #pragma unroll
                for (int f = 0; f < Fragments; f++) multiply_add_64x128<TransposeA, TransposeB>(sums[f], operand_beyond(left, f * 64 * RowBytes), right); // 64 rows are a panel of a transposed operand
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

// A warp's 16 rows of 64 sums in shared memory. Chunks of four have changed places by the row, so that neither way is in each other's way.
constexpr int StagedColumns = 64, StagedRows = 16, StagedBytes = StagedRows * StagedColumns * 4;

__device__ __forceinline__ float* staged_at(float* staged, int row, int chunk) { return staged + row * StagedColumns + (chunk ^ row % 4 * 2) * 4; }

// Finishes and stores a warpgroup's sums of the rows from `row` on; `column` is the first of the first piece, `beside` of the piece beside it, in
// tiles that have one. Rows from row_end on and columns from column_end on do not exist; columns come in whole vectors. `staged` is the block's: the
// warps' rows go through it, so that each store is 16 bytes and neighbours share whole lines.
template <int Fragments>
__device__ __forceinline__ void store_tile(const float (&sums)[Fragments][64], float* staged, const GemmFinish& finish, int row, int column, int beside, int row_end, int column_end)
{
    constexpr int Across = StagedColumns / VECTOR, AtOnce = WARP / Across, Turns = StagedRows / AtOnce;
    const int lane = lane_index(), across = lane % Across * VECTOR;
    float* const own = staged + warp_index() * StagedRows * StagedColumns;
    #pragma unroll
    for (int f = 0; f < Fragments; f++)
        #pragma unroll
        for (int half = 0; half < 2; half++)
        {
            const int first_row = row + (IsWide ? 0 : f * 64) + threadIdx.x % GroupThreads / WARP * StagedRows + lane / Across;
            const int at = (IsWide && f > 0 ? beside : column) + half * StagedColumns + across;
            output* const to = finish.c + first_row * finish.stride + at;
            const bool exists = at < column_end;

            // What is added to is read for all stores at once: each would wait for memory else.
            Pack<output> old[Turns];
            #pragma unroll
            for (int turn = 0; turn < Turns; turn++)
                if (finish.accumulate && exists && first_row + turn * AtOnce < row_end) old[turn] = load_pack(to + turn * AtOnce * finish.stride);
            float bias[VECTOR];
            #pragma unroll
            for (int i = 0; i < VECTOR; i++) bias[i] = finish.bias && exists ? to_float(finish.bias[at + i]) : 0.0f;

            __syncwarp(); // the rows before have been read
            #pragma unroll
            for (int eight = 0; eight < 8; eight++)
            {
                const float* d = sums[f] + half * 32 + eight * 4;
                float* const upper = staged_at(own, lane / 4, 2 * eight + lane % 4 / 2) + lane % 2 * 2;
                *(float2*)upper = make_float2(d[0], d[1]);
                *(float2*)(upper + 8 * StagedColumns) = make_float2(d[2], d[3]); // eight rows below, chunks have the same places
            }

            __syncwarp();
            #pragma unroll
            for (int turn = 0; turn < Turns; turn++)
            {
                float sum[VECTOR];
                #pragma unroll
                for (int i = 0; i < VECTOR; i += 4)
                {
                    const float4 four = *(const float4*)staged_at(own, turn * AtOnce + lane / Across, (across + i) / 4);
                    const float held[4] = {four.x, four.y, four.z, four.w};
                    #pragma unroll
                    for (int e = 0; e < 4; e++) sum[i + e] = finish.alpha * held[e] + bias[i + e] + (finish.accumulate ? old[turn][i + e] : 0.0f);
                }

                if (exists && first_row + turn * AtOnce < row_end) store_pack(to + turn * AtOnce * finish.stride, to_pack<output>(sum));
            }
        }
}
