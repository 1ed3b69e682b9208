#include "device.cuh"
#include "tensor_core.cuh"
#include "fragments.cuh"
#include "attention.cuh"
#include "attention_pattern.cuh"
// variants: HEAD_DIM=48; HEAD_DIM=64; HEAD_DIM=128; HEAD_DIM=256

// What attention with a pattern leaves out, and how much it computes. The buffer of patterns ends with a threshold τ; where it is above 0,
// cells (LeftOut) are left out in which no pair can weigh τ times what a pair weighs that stays. The forward and the backward pass ask
// alike, by q and k alone:
// Each query has a reference, the larger of its scores with itself and with the first key that it sees. A panel of keys with centre c and
// distances of at most ρ from it has no score above scale · (q·c + ‖q‖ρ), by Cauchy and Schwarz. Where that is below reference + ln τ for all
// rows and panels of a cell before the queries' own, the cell is left out. The reference itself stays, by the bound itself.
constexpr int Panel = 16, Threads = 128, Rows = LeftOut::Cell, Panels = 64, PanelsOfCell = LeftOut::Cell / Panel, CellsAtOnce = Panels / PanelsOfCell;
static_assert(Threads / WARP * 16 == Rows && CellsAtOnce == LeftOut::Bits, "a warp takes 16 rows, a step one word");

// Share of ‖c‖ + ρ by which ρ is enlarged: more than the roundings of sums of 256 products come to, in the bound and in the reference.
constexpr float Rounding = 1e-4f;

__device__ __forceinline__ float threshold_of(const int* patterns, int heads) { return __int_as_float(patterns[4 * heads]); }

// A lane's 8 columns of a row, the lanes of a head's columns only.
__device__ __forceinline__ void load_columns(float (&x)[8], const bf16* row)
{
    const uint4 packs = lane_index() * 8 < HEAD_DIM ? load16(row + lane_index() * 8) : make_uint4(0, 0, 0, 0);
    const uint32 pairs[4] = {packs.x, packs.y, packs.z, packs.w};
#pragma unroll
    for (int i = 0; i < 4; i++)
    {
        const float2 pair = unpack_bf16(pairs[i]);
        x[2 * i] = pair.x;
        x[2 * i + 1] = pair.y;
    }
}

// The inner product of two rows of a head.
__device__ __forceinline__ float dot(const float (&x)[8], const float (&y)[8])
{
    float sum = 0;
#pragma unroll
    for (int i = 0; i < 8; i++) sum += x[i] * y[i];
    return warp_sum(sum);
}

// For each panel of 16 keys: its centre, the mean rounded to bf16 [B·KV, panels, HEAD_DIM], and its radius [B·KV, panels]. Nothing without a
// threshold. A warp for each panel; grid: panels over the warps of a block, key heads, sequences.
extern "C" __global__ void __launch_bounds__(Threads) attention_centres(const bf16* k, const int* patterns, bf16* centres, float* radii, int tokens, int heads, long long k_stride)
{
    const int panels = ceiling_division(tokens, Panel), panel = blockIdx.x * (Threads / WARP) + warp_index();
    if (panel >= panels || threshold_of(patterns, heads) == 0) return;
    const int head = blockIdx.y, sequence = blockIdx.z, key0 = panel * Panel, count = min(Panel, tokens - key0);
    k += ((long long)sequence * tokens + key0) * k_stride + head * HEAD_DIM;
    const long long at = ((long long)sequence * gridDim.y + head) * panels + panel;

    float centre[8] = {0, 0, 0, 0, 0, 0, 0, 0}, key[8];
    for (int i = 0; i < count; i++)
    {
        load_columns(key, k + i * k_stride);
#pragma unroll
        for (int c = 0; c < 8; c++) centre[c] += key[c];
    }

    uint32 pairs[4];
#pragma unroll
    for (int i = 0; i < 4; i++)
    {
        pairs[i] = pack_bf16(centre[2 * i] / count, centre[2 * i + 1] / count);
        const float2 rounded = unpack_bf16(pairs[i]);
        centre[2 * i] = rounded.x;
        centre[2 * i + 1] = rounded.y;
    }

    if (lane_index() * 8 < HEAD_DIM) store16(centres + at * HEAD_DIM + lane_index() * 8, make_uint4(pairs[0], pairs[1], pairs[2], pairs[3]));
    float farthest = 0;
    for (int i = 0; i < count; i++)
    {
        load_columns(key, k + i * k_stride);
#pragma unroll
        for (int c = 0; c < 8; c++) key[c] -= centre[c];
        farthest = fmaxf(farthest, dot(key, key));
    }

    const float radius = sqrtf(farthest), length = sqrtf(dot(centre, centre));
    if (lane_index() == 0) radii[at] = radius + Rounding * (radius + length);
}
KERNEL(attention_centres)

// The cells that are left out [B·H, cells, words], and of each row of cells how many pairs are seen without the pattern and how many are
// computed [B·H, cells, 2]. A block has 64 queries of a head, a warp 16 of them. Grid: rows of cells, heads, sequences. Shared memory:
// 64 rows and 64 panels of a tile.
extern "C" __global__ void __launch_bounds__(Threads, 1) attention_select(
    const bf16* q, const bf16* k, const int* starts, const int* patterns, const bf16* centres, const float* radii, uint16* left_out, int* counts,
    int tokens, int heads, int group, int window, float scale, long long q_stride, long long k_stride)
{
    SHARED_MEMORY(bf16, memory);
    SHARED_ARRAY(float, norms, Rows);
    SHARED_ARRAY(float, references, Rows);
    SHARED_ARRAY(int, firsts, Rows);
    SHARED_ARRAY(int, weighing, Threads / WARP);
    SHARED_ARRAY(int, sums, 2 * (Threads / WARP));
    bf16 *q_tile = memory, *centre_tile = memory + Tile::Length(Rows);
    const int cell = blockIdx.x, head = blockIdx.y, sequence = blockIdx.z, query0 = cell * Rows, rows = min(Rows, tokens - query0), panels = ceiling_division(tokens, Panel);
    const long long token0 = (long long)sequence * tokens, key_head = (long long)sequence * (heads / group) + head / group;
    const Mask mask = {starts + token0, tokens, window};
    const Pattern pattern(patterns, head);
    const int words = LeftOut::words_of(tokens);
    q += (token0 + query0) * q_stride + head * HEAD_DIM;
    k += token0 * k_stride + head / group * HEAD_DIM;
    left_out += (((long long)sequence * heads + head) * LeftOut::cells_of(tokens) + cell) * words;
    counts += (((long long)sequence * heads + head) * LeftOut::cells_of(tokens) + cell) * 2;

    int seen = 0, computed = 0;
    for (int row = threadIdx.x; row < rows; row += Threads)
    {
        const int query = query0 + row, first = mask.first(query);
        firsts[row] = pattern.first_seen(query, first);
        seen += query + 1 - first;
        computed += pattern.count(query, first, query + 1);
    }

    const float threshold = threshold_of(patterns, heads);
    const int cells = threshold > 0 ? cell : 0; // those that may be left out
    for (int word = threadIdx.x; word < words; word += Threads)
        if (word >= ceiling_division(cells, LeftOut::Bits)) left_out[word] = 0;
    if (cells > 0)
    {
        load_rows<Rows, Threads>(q_tile, q, q_stride, rows);
        commit_copies();
        __syncthreads();
        for (int row = warp_index(); row < rows; row += Threads / WARP)
        {
            float query[8], own[8], first[8];
            load_columns(query, q + row * q_stride);
            load_columns(own, k + (query0 + row) * k_stride);
            load_columns(first, k + firsts[row] * k_stride);
            const float norm = sqrtf(dot(query, query)), reference = fmaxf(dot(query, own), dot(query, first));
            if (lane_index() == 0)
            {
                norms[row] = norm;
                references[row] = reference;
            }
        }
    }

    const float allowance = logf(threshold) / scale; // from a reference down to what may be left out
    const int warp_row = warp_index() * 16, lane = lane_index();
    const TileFragments fragments{LaneRows(lane)};
    for (int cell0 = 0; cell0 < cells; cell0 += CellsAtOnce)
    {
        const int panel0 = cell0 * PanelsOfCell;
        load_rows<Panels, Threads>(centre_tile, centres + (key_head * panels + panel0) * HEAD_DIM, HEAD_DIM, panels - panel0);
        commit_copies();
        wait_copies<0>();
        __syncthreads();
        float products[1][Panels / 8][4];
        clear(products);
        multiply_rows(products, q_tile, warp_row, centre_tile, fragments);

        // A thread has panels of the cells cell0 + 2 j + lane mod 4 / 2.
        int may_weigh = 0;
#pragma unroll
        for (int j = 0; j < Panels / 8; j++)
#pragma unroll
            for (int e = 0; e < 4; e++)
            {
                const int row = warp_row + e / 2 * 8 + lane / 4, panel = panel0 + j * 8 + lane % 4 * 2 + e % 2;
                if (row >= rows || panel >= cells * PanelsOfCell || firsts[row] >= (panel + 1) * Panel) continue;
                const float excess = products[0][j][e] + norms[row] * radii[key_head * panels + panel] - references[row];
                if (!(excess < allowance)) may_weigh |= 1 << (2 * j + lane % 4 / 2); // also where something is no number
            }

#pragma unroll
        for (int x = WARP / 2; x > 0; x /= 2) may_weigh |= __shfl_xor_sync(ALL_LANES, may_weigh, x);
        if (lane == 0) weighing[warp_index()] = may_weigh;
        __syncthreads();
        const int last = min(CellsAtOnce, cells - cell0);
        int out = (1 << last) - 1;
#pragma unroll
        for (int warp = 0; warp < Threads / WARP; warp++) out &= ~weighing[warp];
        if (threadIdx.x == 0) left_out[cell0 / LeftOut::Bits] = (uint16)out;

        for (int c = 0; c < last; c++)
        {
            const int key = (cell0 + c) * LeftOut::Cell, end = key + LeftOut::Cell;
            if ((out >> c & 1) == 0 || !pattern.shows_some(query0, query0 + rows - 1, key, end)) continue;
            for (int row = threadIdx.x; row < rows; row += Threads)
                if (firsts[row] < end) computed -= pattern.count(query0 + row, max(firsts[row], key), end);
        }

        __syncthreads();
    }

    // Whole numbers: their sum is the same in any order.
#pragma unroll
    for (int x = WARP / 2; x > 0; x /= 2)
    {
        seen += __shfl_xor_sync(ALL_LANES, seen, x);
        computed += __shfl_xor_sync(ALL_LANES, computed, x);
    }

    if (lane == 0)
    {
        sums[2 * warp_index()] = seen;
        sums[2 * warp_index() + 1] = computed;
    }

    __syncthreads();
    if (threadIdx.x >= 2) return;
    int sum = 0;
    for (int warp = 0; warp < Threads / WARP; warp++) sum += sums[2 * warp + threadIdx.x];
    counts[threadIdx.x] = sum;
}
KERNEL(attention_select)

// The share of the pairs seen without patterns that is computed, from the counts of all rows of cells. One block.
extern "C" __global__ void __launch_bounds__(Threads) attention_share(const int* counts, float* share, int rows)
{
    SHARED_ARRAY(int64, sums, 2 * Threads);
    int64 seen = 0, computed = 0;
    for (int row = threadIdx.x; row < rows; row += Threads)
    {
        seen += counts[2 * row];
        computed += counts[2 * row + 1];
    }

    sums[threadIdx.x] = seen;
    sums[Threads + threadIdx.x] = computed;
    __syncthreads();
    if (threadIdx.x > 0) return;
    for (int i = 1; i < Threads; i++)
    {
        seen += sums[i];
        computed += sums[Threads + i];
    }

    *share = (float)((double)computed / (double)seen);
}
KERNEL(attention_share)
