// A block's part of a product on tensor cores, whatever its operands are made of: bf16 operands, fp32 sums, a tile of TILE_M × TILE_N of the
// result in steps of TILE_K, STAGES steps in flight; WARPS_M × WARPS_N warps share it. TRANSPOSE_A, TRANSPOSE_B: how the operands' tiles lie.
// ALIGNED_A, ALIGNED_B: addresses and distances are multiples of 16 bytes.
constexpr int Threads = 32 * WARPS_M * WARPS_N, WarpM = TILE_M / WARPS_M, WarpN = TILE_N / WARPS_N;
constexpr int FragmentsM = WarpM / 16, FragmentsN = WarpN / 8, StepsInTile = TILE_K / 16;

// Where a warp's sums leave room, two blocks share a multiprocessor: one computes while the other waits or stores.
constexpr int BlocksAtOnce = WarpM * WarpN <= 2048 && !(TRANSPOSE_A && TRANSPOSE_B) ? 2 : 1;
static_assert(WarpM % 16 == 0 && WarpN % 16 == 0 && TILE_K % 16 == 0, "warps take whole fragments");

typedef SwizzledTile<TRANSPOSE_A ? TILE_K : TILE_M, TRANSPOSE_A ? TILE_M : TILE_K, Threads, ALIGNED_A> TileA;
typedef SwizzledTile<TRANSPOSE_B ? TILE_N : TILE_K, TRANSPOSE_B ? TILE_K : TILE_N, Threads, ALIGNED_B> TileB;
constexpr int StageLength = TileA::Length + TileB::Length;

struct WarpFragments
{
    unsigned a[FragmentsM][4], b[FragmentsN / 2][4];

    __device__ __forceinline__ void load(const bf16* stage, LaneRows lane, int warp_m, int warp_n, int k)
    {
        #pragma unroll
        for (int i = 0; i < FragmentsM; i++)
            if (TRANSPOSE_A) TileA::load_a_transposed(a[i], stage, lane, warp_m + i * 16, k);
            else TileA::load_a(a[i], stage, lane, warp_m + i * 16, k);
        #pragma unroll
        for (int j = 0; j < FragmentsN / 2; j++)
            if (TRANSPOSE_B) TileB::load_b_transposed(b[j], stage + TileA::Length, lane, k, warp_n + j * 16);
            else TileB::load_b(b[j], stage + TileA::Length, lane, k, warp_n + j * 16);
    }
};

// Adds up all steps of a source, which has `bool more()` and `void load(bf16* stage)`, which goes to the next step. Whole blocks call.
template <class Source> __device__ __forceinline__ void multiply_steps(float (&sums)[FragmentsM][FragmentsN][4], bf16* stages, Source& source)
{
    const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
    const int warp_m = warp / WARPS_N * WarpM, warp_n = warp % WARPS_N * WarpN;
    const LaneRows lane_rows(lane);
    #pragma unroll
    for (int i = 0; i < FragmentsM; i++)
        #pragma unroll
        for (int j = 0; j < FragmentsN; j++)
            #pragma unroll
            for (int e = 0; e < 4; e++) sums[i][j][e] = 0;

    int loaded = 0;
    #pragma unroll
    for (int s = 0; s < STAGES - 1; s++)
    {
        if (source.more())
        {
            source.load(stages + s * StageLength);
            loaded++;
        }

        commit_copies();
    }

    WarpFragments fragments[2];
    int read = 0, write = STAGES - 1;
    for (int step = 0; step < loaded; step++)
    {
        // This step's stage has come, and all warps have left the one that is filled next.
        wait_copies<STAGES - 2>();
        __syncthreads();
        if (source.more())
        {
            source.load(stages + write * StageLength);
            loaded++;
        }

        commit_copies();

        const bf16* stage = stages + read * StageLength;
        fragments[0].load(stage, lane_rows, warp_m, warp_n, 0);
        #pragma unroll
        for (int s = 0; s < StepsInTile; s++)
        {
            if (s + 1 < StepsInTile) fragments[(s + 1) % 2].load(stage, lane_rows, warp_m, warp_n, (s + 1) * 16);
            WarpFragments& now = fragments[s % 2];
            #pragma unroll
            for (int i = 0; i < FragmentsM; i++)
                #pragma unroll
                for (int j = 0; j < FragmentsN; j++)
                    multiply_add(sums[i][j], now.a[i], now.b[j / 2][j % 2 * 2], now.b[j / 2][j % 2 * 2 + 1]);
        }

        read = read + 1 == STAGES ? 0 : read + 1;
        write = write + 1 == STAGES ? 0 : write + 1;
    }

    wait_copies<0>();
    __syncthreads();
}

// Stores a block's sums: those in front of row_end and column_end, of the rows and columns from (row, column) on.
__device__ __forceinline__ void store_sums(const float (&sums)[FragmentsM][FragmentsN][4], bf16* stages, const GemmFinish& finish, int row, int column, int row_end, int column_end)
{
    const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
    const int warp_m = warp / WARPS_N * WarpM, warp_n = warp % WARPS_N * WarpN;

    // Sixteen rows at a time go through shared memory, so that a warp stores whole sectors.
    constexpr int Stride = WarpN + 4;
    static_assert(Threads / 32 * 16 * Stride * 4 <= STAGES * StageLength * 2, "the stages must hold the warps' rows");
    float* staged = (float*)stages + warp * 16 * Stride;
    #pragma unroll
    for (int i = 0; i < FragmentsM; i++)
    {
        #pragma unroll
        for (int j = 0; j < FragmentsN; j++)
        {
            float* at = staged + lane / 4 * Stride + j * 8 + lane % 4 * 2;
            *(float2*)at = make_float2(sums[i][j][0], sums[i][j][1]);
            *(float2*)(at + 8 * Stride) = make_float2(sums[i][j][2], sums[i][j][3]);
        }

        __syncwarp();
        #pragma unroll 1
        for (int e = lane; e < 16 * WarpN / 4; e += 32)
        {
            int down = e / (WarpN / 4), right = e % (WarpN / 4) * 4;
            int target_row = row + warp_m + i * 16 + down, target_column = column + warp_n + right;
            if (target_row < row_end && target_column < column_end)
                finish.store(*(const float4*)(staged + down * Stride + right), target_row, target_column, min(column_end - target_column, 4));
        }

        __syncwarp();
    }
}
