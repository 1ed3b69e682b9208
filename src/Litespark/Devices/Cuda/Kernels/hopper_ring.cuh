// Stages in shared memory between one thread that fills them and two warpgroups that multiply what is in them, in a ring.
// A stage holds a step of 64 along K: operand rows of 128 bytes as load_box lays them (TILE_M of one operand, then TILE_N of the other). STAGES of
// them are in flight.
constexpr int Step = 64, RowBytes = 2 * Step, Consumers = 2, GroupThreads = 128, RingThreads = (1 + Consumers) * GroupThreads;
constexpr int OperandBytesA = TILE_M * RowBytes, OperandBytesB = TILE_N * RowBytes, StageBytes = OperandBytesA + OperandBytesB;
constexpr int StagedInAll = Consumers * GroupThreads * 32; // floats that the consumers' sums go through on their way to memory
static_assert(OperandBytesA % 1024 == 0 && OperandBytesB % 1024 == 0, "operands must begin where the swizzle does");

// What consumers must know of a tile of the result: where it lies, and how many steps it has. No steps: there are no more tiles. Of a weight
// gradient also the second tile's column, and which of the parts that are added up later its sums are; negative: none.
struct RingTile
{
    int row, column, steps, second, part;
};

struct Ring
{
    unsigned char* stages;
    float* staged;
    uint64 *full, *empty;
    RingTile* tiles;
    int stage, parity;

    __device__ __forceinline__ Ring(unsigned char* shared)
        : stages(shared), staged((float*)(shared + STAGES * StageBytes)), full((uint64*)(staged + StagedInAll)), empty(full + STAGES), tiles((RingTile*)(empty + STAGES)), stage(0), parity(0)
    {
    }

    // By all threads of the block, before anything else.
    __device__ __forceinline__ void init()
    {
        if (threadIdx.x == 0)
        {
            for (int i = 0; i < STAGES; i++)
            {
                mbarrier_init(full + i, 1);
                mbarrier_init(empty + i, Consumers * GroupThreads / WARP);
            }

            mbarrier_publish();
        }

        __syncthreads();
    }

    __device__ __forceinline__ void advance()
    {
        stage++;
        if (stage < STAGES) return;
        stage = 0;
        parity ^= 1;
    }

    __device__ __forceinline__ unsigned char* a() const { return stages + stage * StageBytes; }
    __device__ __forceinline__ unsigned char* b() const { return a() + OperandBytesA; }

    // The producer's next stage, once all warps have left it.
    __device__ __forceinline__ void wait_empty() const { mbarrier_wait(empty + stage, parity ^ 1); }

    // The consumers' next stage, once all of it has come.
    __device__ __forceinline__ void wait_full() const { mbarrier_wait(full + stage, parity); }

    // A warp has left a stage.
    __device__ __forceinline__ void leave(int left) const
    {
        if (lane_index() == 0) mbarrier_arrive(empty + left);
    }

    // Tells the consumers that nothing comes any more.
    __device__ __forceinline__ void end() const
    {
        wait_empty();
        tiles[stage].steps = 0;
        mbarrier_arrive(full + stage);
    }
};

// Tiles are drawn one by one by blocks that are free, so that long and short ones even out; who draws last makes the counter zero for the
// next launch. Results do not depend on who computes what.
__device__ __forceinline__ int draw_tile(int* counter, int tiles)
{
    const int tile = atomicAdd(counter, 1);
    if (tile == tiles + (int)gridDim.x - 1) *counter = 0;
    return tile;
}
