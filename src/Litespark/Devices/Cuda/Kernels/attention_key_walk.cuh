// Through which tiles of keys a block with resident queries goes.
#include "attention_walk.cuh"

// What a block with resident queries knows about them. A thread has rows [i][h]: 16 i + 8 h + lane / 4 of its warp's.
template <int R> struct QueryRows
{
    int row, last;              // the warp's first row, and its last that exists
    int first[R][2];            // first key that the thread's rows see; none for rows that do not exist
    int lowest, highest;        // least and greatest first key of the warp's rows
    int block_lowest;           // least first key of the block's rows

    __device__ __forceinline__ QueryRows(const Mask& mask, int block_row, int block_rows)
    {
        const int lane = threadIdx.x % 32;
        row = block_row + threadIdx.x / 32 * 16 * R;
        last = min(row + 16 * R, mask.tokens) - 1;
        int least = mask.tokens, greatest = 0;
        #pragma unroll
        for (int i = 0; i < R; i++)
            #pragma unroll
            for (int h = 0; h < 2; h++)
            {
                int token = row + i * 16 + h * 8 + lane / 4;
                first[i][h] = token < mask.tokens ? mask.first(token) : 0x7FFFFFFF;
                if (token < mask.tokens)
                {
                    least = min(least, first[i][h]);
                    greatest = max(greatest, first[i][h]);
                }
            }

        lowest = warp_min(least);
        highest = warp_max(greatest);
        least = mask.tokens;
        for (int token = block_row + lane; token < min(block_row + block_rows, mask.tokens); token += 32) least = min(least, mask.first(token));
        block_lowest = warp_min(least);
    }

    // Whether some row of the warp may see one of the keys, and whether every row sees all of them.
    __device__ __forceinline__ bool sees(int key, int keys) const { return key <= last && key + keys > lowest; }
    __device__ __forceinline__ bool sees_all(int key, int keys) const { return key + keys - 1 <= row && key >= highest; }

    // Hides what the thread's rows do not see of the keys from `key` on.
    template <int C> __device__ __forceinline__ void hide(float (&scores)[R][C][4], int key) const
    {
        const int lane = threadIdx.x % 32;
        #pragma unroll
        for (int i = 0; i < R; i++)
            #pragma unroll
            for (int j = 0; j < C; j++)
                #pragma unroll
                for (int e = 0; e < 4; e++)
                {
                    int column = key + j * 8 + lane % 4 * 2 + e % 2, token = row + i * 16 + e / 2 * 8 + lane / 4;
                    if (column < first[i][e / 2] || column > token) scores[i][j][e] = Mask::Hidden;
                }
    }
};

// The tiles of keys that a block with resident queries goes through, each by its first key: the first one from a tile on; the one after a tile;
// whether the warp sees some pair of one; and, of the one that was asked about last, hiding what the thread's rows do not see.
#if !PATTERN

template <int R, int QueryTile, int KeyTile> struct KeyWalk : QueryRows<R>
{
    __device__ __forceinline__ KeyWalk(const Mask& mask, int query, const int*, int, LeftOut) : QueryRows<R>(mask, query, QueryTile) {}

    __device__ __forceinline__ int from(int key) const { return key; }
    __device__ __forceinline__ int after(int key) const { return key + KeyTile; }
    __device__ __forceinline__ bool sees(int key) const { return QueryRows<R>::sees(key, KeyTile); }

    template <int C> __device__ __forceinline__ void hide(float (&scores)[R][C][4], int key) const
    {
        if (!this->sees_all(key, KeyTile)) QueryRows<R>::hide(scores, key);
    }
};

#else

template <int R, int QueryTile, int KeyTile> struct KeyWalk : QueryRows<R>
{
    static_assert(LeftOut::Cell % (16 * R) == 0 && LeftOut::Cell % KeyTile == 0, "a warp computes within one cell at a time");

    typedef QueryRows<R> Rows;
    const int* patterns;
    LeftOut left_out;
    int query, tokens, head;
    int run_start, remainder; // of the warp's row of the lane's number
    int found;                // by the last call of `from`
    bool whole;               // the warp sees every pair of the tile that was asked about last
    StepBits bits;

    __device__ __forceinline__ KeyWalk(const Mask& mask, int query, const int* patterns, int head, LeftOut left_out)
        : Rows(mask, query, QueryTile), patterns(patterns), left_out(left_out), query(query), tokens(mask.tokens), head(head)
    {
        const Pattern pattern(patterns, head);
        const int own = Rows::row + threadIdx.x % (16 * R);
        run_start = pattern.run_start(own);
        remainder = pattern.query_remainder(own);
        bits.chunk = -1;
    }

    __device__ __forceinline__ int from(int key)
    {
        const int query_end = min(query + QueryTile, tokens), tiles = (query_end + KeyTile - 1) / KeyTile;
        return found = KeyTile * bits.next(key / KeyTile, tiles, [&](int tile, bool& live, bool& some, bool& every)
        {
            const Pattern pattern(patterns, head);
            const int key = tile * KeyTile, key_end = min(key + KeyTile, tokens);
            live = key_end > Rows::block_lowest && pattern.shows_some(query, query_end - 1, key, key_end) && !left_out.all(query, query_end, key, key_end);
            some = live && Rows::row <= Rows::last && Rows::sees(key, KeyTile) && pattern.shows_some(Rows::row, Rows::last, key, key_end) && !left_out.at(Rows::row, key);
            every = some && Rows::sees_all(key, KeyTile) && pattern.shows_all(Rows::row, Rows::last, key, key_end);
        });
    }

    // The tile that follows has been looked for: what it is loaded by.
    __device__ __forceinline__ int after(int) const { return found; }

    __device__ __forceinline__ bool sees(int key)
    {
        whole = bits.sees_all(key / KeyTile);
        return bits.sees(key / KeyTile);
    }

    // What a row and what a key is to the pattern is known to one lane each.
    template <int C> __device__ __forceinline__ void hide(float (&scores)[R][C][4], int key) const
    {
        if (whole) return;
        const int lane = threadIdx.x % 32;
        const Pattern pattern(patterns, head);
        int remainders[(C + 3) / 4], starts[R][2], own[R][2];
        #pragma unroll
        for (int s = 0; s < (C + 3) / 4; s++) remainders[s] = pattern.key_remainder(key + s * 32 + lane);
        #pragma unroll
        for (int i = 0; i < R; i++)
            #pragma unroll
            for (int h = 0; h < 2; h++)
            {
                starts[i][h] = __shfl_sync(0xFFFFFFFFu, run_start, i * 16 + h * 8 + lane / 4);
                own[i][h] = __shfl_sync(0xFFFFFFFFu, remainder, i * 16 + h * 8 + lane / 4);
            }

        #pragma unroll
        for (int j = 0; j < C; j++)
            #pragma unroll
            for (int c = 0; c < 2; c++)
            {
                const int column = key + j * 8 + lane % 4 * 2 + c, of_key = __shfl_sync(0xFFFFFFFFu, remainders[j / 4], j % 4 * 8 + lane % 4 * 2 + c);
                #pragma unroll
                for (int i = 0; i < R; i++)
                    #pragma unroll
                    for (int h = 0; h < 2; h++)
                    {
                        const int token = Rows::row + i * 16 + h * 8 + lane / 4;
                        if (column < Rows::first[i][h] || column > token || (column < starts[i][h] && of_key != own[i][h])) scores[i][j][2 * h + c] = Mask::Hidden;
                    }
            }
    }
};

#endif
