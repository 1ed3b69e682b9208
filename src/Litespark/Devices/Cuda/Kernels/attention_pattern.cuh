// Which keys an attention pattern lets a query see, of those up to itself: AttentionPattern.cs has the definition, AttentionPatternBuffer.cs the
// integers that hold one for each head. They are contents, which change from run to run.
// Every pattern is a run of keys that ends with the query, and before it blocks of keys that lie `step` blocks apart.
struct Pattern
{
    enum { Causal, Local, Strided, LocalOrStrided, Fixed };

    int block, run, step; // tokens of a block; blocks of the run; blocks from one that is seen before the run to the next, 0: none is
    bool pieces;          // the run begins with a piece of `run` blocks, and of the pieces before it the last block is seen

    // All keys.
    __device__ __forceinline__ Pattern() : block(1), run(1 << 29), step(0), pieces(false) {}

    __device__ __forceinline__ Pattern(const int* patterns, int head)
    {
        const int* entry = patterns + 4 * head;
        const int mode = entry[0];
        pieces = mode == Fixed;
        block = mode == Causal ? 1 : entry[3];
        run = mode == Causal ? 1 << 29 : mode == Strided ? 1 : (entry[1] + block - 1) / block;
        step = pieces ? run : mode == Strided || mode == LocalOrStrided ? (entry[2] + block - 1) / block : 0;
    }

    // First key of the query's run.
    __device__ __forceinline__ int run_start(int query) const
    {
        const int own = query / block;
        return (pieces ? own - own % run : max(own - run + 1, 0)) * block;
    }

    // A key before the run is seen where its remainder is the query's.
    __device__ __forceinline__ int key_remainder(int key) const { return step > 0 ? key / block % step : -1; }
    __device__ __forceinline__ int query_remainder(int query) const { return step == 0 ? -2 : pieces ? step - 1 : query / block % step; }

    // First key from `from` ≤ query on that is seen.
    __device__ __forceinline__ int first_seen(int query, int from) const
    {
        const int start = run_start(query);
        if (from >= start || step == 0) return max(from, start);
        const int own = from / block, away = query_remainder(query) - own % step;
        return min(start, max(from, (away < 0 ? own + away + step : own + away) * block));
    }

    // Keys in [from, to) that are seen; to ≤ query + 1.
    __device__ __forceinline__ int count(int query, int from, int to) const
    {
        const int start = run_start(query), near = max(0, to - max(from, start)), end = min(to, start);
        return step == 0 || from >= end ? near : near + count_before(query, end) - count_before(query, from);
    }

    // Whether some query of [first, last] sees some key of [key, end), and whether all see all, as far as the pattern goes; key ≤ last.
    __device__ __forceinline__ bool shows_some(int first, int last, int key, int end) const
    {
        if (end > run_start(first)) return true;
        if (step == 0) return false;
        const int2 apart = distances(first, last, key, end);
        return apart.y / step > (apart.x - 1) / step; // a multiple of the step lies between them
    }

    __device__ __forceinline__ bool shows_all(int first, int last, int key, int end) const
    {
        if (key >= run_start(last)) return true;
        if (step == 0) return false;
        const int2 apart = distances(first, last, key, end);
        return apart.x == apart.y && apart.x % step == 0;
    }

private:
    // Least and greatest distance of a seen block's kind, in blocks: from a key to a query, or from the end of the piece before to a key.
    __device__ __forceinline__ int2 distances(int first, int last, int key, int end) const
    {
        const int low = key / block, high = (end - 1) / block;
        return pieces ? make_int2(low + 1, high + 1) : make_int2(first / block - high, last / block - low);
    }

    // Seen keys below `end`, which lies before the run.
    __device__ __forceinline__ int count_before(int query, int end) const
    {
        const int last = end / block, remainder = query_remainder(query);
        const int whole = last > remainder ? (last - remainder - 1) / step + 1 : 0;
        return whole * block + (last % step == remainder ? end - last * block : 0);
    }
};

// The remainder of one key after the other: one division for many.
struct KeyRemainder
{
    int value, within; // place in its block

    __device__ __forceinline__ KeyRemainder(const Pattern& pattern, int key) : value(pattern.key_remainder(key)), within(key % pattern.block) {}

    __device__ __forceinline__ void advance(const Pattern& pattern)
    {
        if (++within < pattern.block) return;
        within = 0;
        if (++value == pattern.step) value = 0;
    }
};

// Tiles of scores that are left out although the pattern shows them, by attention_select: squares of `Cell` queries and keys, a bit for each,
// a row of them for each `Cell` queries of a head. A warp of the kernels below computes within one cell at a time.
struct LeftOut
{
    static constexpr int Cell = 64, Bits = 16;

    const uint16* bits;
    int words; // of a row of cells

    __device__ __forceinline__ LeftOut(const uint16* left_out, int head_of_sequence, int tokens) : words(words_of(tokens))
    {
        bits = left_out + (long long)head_of_sequence * cells_of(tokens) * words;
    }

    static __device__ __forceinline__ int cells_of(int tokens) { return (tokens + Cell - 1) / Cell; }
    static __device__ __forceinline__ int words_of(int tokens) { return (cells_of(tokens) + Bits - 1) / Bits; }

    __device__ __forceinline__ bool at(int query, int key) const
    {
        const int cell = key / Cell;
        return bits[query / Cell * words + cell / Bits] >> cell % Bits & 1;
    }

    // Whether all cells of the queries [query, query_end) and the keys [key, key_end) are.
    __device__ __forceinline__ bool all(int query, int query_end, int key, int key_end) const
    {
        for (int q = query; q < query_end; q = q / Cell * Cell + Cell)
            for (int k = key; k < key_end; k = k / Cell * Cell + Cell)
                if (!at(q, k)) return false;
        return true;
    }
};
