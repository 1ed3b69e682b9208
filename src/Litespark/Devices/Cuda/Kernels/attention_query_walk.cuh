// Through which tiles of queries a block with resident keys goes.
#include "attention_walk.cuh"

// The steps of a block with resident keys: tile first + s mod count of query head s / count of the group.
struct QuerySteps
{
    int first, count, head0, group;

    __device__ __forceinline__ int total() const { return count * group; }
    __device__ __forceinline__ int head(int step) const { return head0 + step / count; }
    __device__ __forceinline__ int tile(int step) const { return first + step % count; }
};

// Which of them it goes through: the first one from a step on; the one after a step; whether the warp sees some pair of one; and, of the one that
// was asked about last, whether it sees all. A warp has 16 of the block's keys, from `key` on; highest: see attention_ranges.
#if !PATTERN

template <int QueryTile, int KeyTile> struct QueryWalk
{
    QuerySteps steps;
    const int* highest;
    int key, tokens;

    __device__ __forceinline__ QueryWalk(QuerySteps steps, const int* highest, int, int key, int tokens, const int*, const uint16*, int)
        : steps(steps), highest(highest), key(key), tokens(tokens)
    {
    }

    __device__ __forceinline__ int from(int step) const { return step; }
    __device__ __forceinline__ int after(int step) const { return step + 1; }
    __device__ __forceinline__ bool sees(int step) const { return (steps.tile(step) + 1) * QueryTile > key; }

    __device__ __forceinline__ bool sees_all(int step) const
    {
        const int tile = steps.tile(step), query = tile * QueryTile;
        return query >= key + 15 && highest[tile] <= key && query + QueryTile <= tokens;
    }
};

#else

template <int QueryTile, int KeyTile> struct QueryWalk
{
    static_assert(LeftOut::Cell % QueryTile == 0, "a warp computes within one cell at a time");

    QuerySteps steps;
    const int *highest, *patterns;
    const uint16* left_out;
    int block_key, key, tokens, first_head; // of the sequence, among those of all
    int found;                              // by the last call of `from`
    bool whole;                             // the warp sees every pair of the step that was asked about last
    StepBits bits;

    __device__ __forceinline__ QueryWalk(QuerySteps steps, const int* highest, int block_key, int key, int tokens, const int* patterns, const uint16* left_out, int first_head)
        : steps(steps), highest(highest), patterns(patterns), left_out(left_out), block_key(block_key), key(key), tokens(tokens), first_head(first_head)
    {
        bits.chunk = -1;
    }

    __device__ __forceinline__ int from(int step)
    {
        return found = bits.next(step, steps.total(), [&](int step, bool& live, bool& some, bool& every)
        {
            const int head = steps.head(step), tile = steps.tile(step), query = tile * QueryTile, query_end = min(query + QueryTile, tokens);
            const int block_end = min(block_key + KeyTile, tokens), key_end = min(key + 16, tokens);
            const Pattern pattern(patterns, head);
            const LeftOut left(left_out, first_head + head, tokens);
            live = query_end > block_key && pattern.shows_some(query, query_end - 1, block_key, block_end) && !left.all(query, query_end, block_key, block_end);
            some = live && key < key_end && query_end > key && pattern.shows_some(query, query_end - 1, key, key_end) && !left.at(query, key);
            every = some && query >= key + 15 && highest[tile] <= key && query + QueryTile <= tokens && pattern.shows_all(query, query_end - 1, key, key + 16);
        });
    }

    // The step that follows has been looked for: what it is loaded by.
    __device__ __forceinline__ int after(int) const { return found; }

    __device__ __forceinline__ bool sees(int step)
    {
        whole = bits.sees_all(step);
        return bits.sees(step);
    }

    __device__ __forceinline__ bool sees_all(int) const { return whole; }
};

#endif
