#include "device.cuh"
#include "packs.cuh"
#include "cuts.cuh"

// variants: ELEMENT=bf16 VECTOR=8; ELEMENT=float VECTOR=4; ELEMENT=bf16 VECTOR=1

// dTable[indices[n]] += dy[n] in the order of the tokens, without atomics: the tokens are sorted by their index, equal ones in their own
// order, and each run of equal ones is added up by one block. N tokens, D width.
typedef ELEMENT element;

// sorted[r] = the token of rank r. A token's rank is the number of tokens before it in the sorted order, found by comparing it with each:
// N² comparisons, which at the tens of thousands of tokens of a micro-batch take less than a sort's many passes. A block ranks a warp's
// worth of tokens, each of its warps against a share of all.
extern "C" __global__ void rank_tokens(const int* indices, int tokens, int* sorted)
{
    SHARED_ARRAY(int, counts, 1024);
    const int token = blockIdx.x * WARP + lane_index(), warps = blockDim.x / WARP, mine = token < tokens ? indices[token] : 0;
    int before = 0;
#pragma unroll 8
    for (int other = warp_index(); other < tokens; other += warps) before += indices[other] < mine + (other < token ? 1 : 0);
    counts[threadIdx.x] = before;
    __syncthreads();
    if (warp_index() > 0 || token >= tokens) return;
    int rank = 0;
    for (int warp = 0; warp < warps; warp++) rank += counts[warp * WARP + lane_index()];
    sorted[rank] = token;
}
KERNEL(rank_tokens)

// End of the run of tokens of one index that begins at rank `start`: in growing steps, then by halving.
__device__ inline int run_end(const int* indices, const int* sorted, int tokens, int start)
{
    const int index = indices[sorted[start]];
    int inside = start, outside = start + 1;
    while (outside < tokens && indices[sorted[outside]] == index)
    {
        inside = outside;
        outside += outside - start;
    }

    if (outside > tokens) outside = tokens;
    while (outside - inside > 1)
    {
        const int middle = (inside + outside) / 2;
        if (indices[sorted[middle]] == index) inside = middle;
        else outside = middle;
    }

    return outside;
}

// Adds each run of equal tokens to its row of the table, which holds zeros or what is added to. Blocks along y share the ranks; only those
// at the start of a run find work.
extern "C" __global__ void add_runs(const int* indices, const int* sorted, int tokens, const element* dy, int64 dy_stride, float* table, int64 table_stride, int columns)
{
    for (int start = blockIdx.y; start < tokens; start += gridDim.y)
    {
        const int index = indices[sorted[start]];
        if (start > 0 && indices[sorted[start - 1]] == index) continue;
        const int end = run_end(indices, sorted, tokens, start);
        float* row = table + index * table_stride;
        const Cut cut(row, columns);
        for (int64 pack = blockIdx.x * blockDim.x + threadIdx.x; pack < cut.packs; pack += gridDim.x * blockDim.x)
        {
            float sums[VECTOR] = {};
#pragma unroll 4
            for (int rank = start; rank < end; rank++)
            {
                const Pack<element> gradient = cut.load(dy + sorted[rank] * dy_stride, pack);
#pragma unroll
                for (int i = 0; i < VECTOR; i++) sums[i] += gradient[i];
            }

            const Pack<float> held = cut.load(row, pack);
#pragma unroll
            for (int i = 0; i < VECTOR; i++) sums[i] += held[i];
            cut.store(row, pack, sums);
        }
    }
}
KERNEL(add_runs)
