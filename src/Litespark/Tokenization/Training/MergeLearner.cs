using System.Runtime.InteropServices;

namespace Litespark.Tokenization.Training;

/// <summary>
/// Learns merges: the most frequent pair of neighbours becomes a token, again and again; of equally frequent pairs the one with the
/// smaller ids goes first. All distinct words lie in one array as linked lists of symbols, and every pair knows where it
/// occurs, so that a merge costs as much as it changes, however long the words are.
/// </summary>
internal sealed class MergeLearner
{
    const int Dead = -1;

    readonly int[] symbols;
    readonly int[] previous;
    readonly int[] next;
    readonly int[] words;
    readonly long[] weights;
    readonly Occurrences occurrences = new();
    readonly Dictionary<ulong, PairState> pairs = new(new PairComparer());
    readonly PriorityQueue<ulong, (long Count, ulong Pair)> queue = new(new MostFrequentFirst());
    readonly List<int> positions = [];
    readonly List<ulong> touched = [];
    readonly long minFrequency;
    readonly Func<int, int, bool> allowed;
    int merges;

    /// <summary>Counts the pairs.</summary>
    /// <param name="words">Each distinct word as base symbols (ids below 256), with its count.</param>
    /// <param name="minFrequency">Pairs that occur less often are never merged.</param>
    /// <param name="allowed">Whether two tokens may be joined at all.</param>
    public MergeLearner(IReadOnlyCollection<(byte[] Symbols, long Count)> words, long minFrequency, Func<int, int, bool> allowed)
    {
        this.minFrequency = Math.Max(1, minFrequency);
        this.allowed = allowed;
        int total = checked((int)words.Sum(word => (long)word.Symbols.Length));
        symbols = new int[total];
        previous = new int[total];
        next = new int[total];
        this.words = new int[total];
        weights = new long[words.Count];
        int position = 0;
        int index = 0;
        foreach ((byte[] word, long count) in words)
        {
            weights[index] = count;
            for (int i = 0; i < word.Length; i++, position++)
            {
                symbols[position] = word[i];
                previous[position] = i > 0 ? position - 1 : Dead;
                next[position] = i + 1 < word.Length ? position + 1 : Dead;
                this.words[position] = index;
                if (i > 0)
                    Increase(word[i - 1], word[i], count, position - 1);
            }
            index++;
        }
        EnqueueTouched();
    }

    /// <summary>Takes the pair to merge next; false where none is frequent enough.</summary>
    public bool TryNext(out int left, out int right)
    {
        while (queue.TryDequeue(out ulong pair, out (long Count, ulong) priority))
        {
            (left, right) = ((int)(pair >> 32), (int)(uint)pair);
            if (!pairs.TryGetValue(pair, out PairState state))
                continue;
            if (state.Count == priority.Count)
                return true;
            // The pair has become rarer since it was queued.
            if (state.Count >= minFrequency)
                queue.Enqueue(pair, (state.Count, pair));
        }
        (left, right) = (Dead, Dead);
        return false;
    }

    /// <summary>Replaces the pair by <paramref name="merged"/> wherever it occurs.</summary>
    public void Merge(int left, int right, int merged)
    {
        merges++;
        pairs.Remove(Key(left, right), out PairState state);
        occurrences.Take(state.Head, positions);
        foreach (int at in positions)
        {
            int second = symbols[at] == left ? next[at] : Dead;
            if (second == Dead || symbols[second] != right)
                continue; // an earlier merge took part of this pair
            long weight = weights[words[at]];
            int before = previous[at];
            int after = next[second];
            symbols[at] = merged;
            symbols[second] = Dead;
            next[at] = after;
            if (before != Dead)
            {
                Decrease(symbols[before], left, weight);
                Increase(symbols[before], merged, weight, before);
            }
            if (after != Dead)
            {
                previous[after] = at;
                Decrease(right, symbols[after], weight);
                Increase(merged, symbols[after], weight, at);
            }
        }
        EnqueueTouched();
    }

    void Increase(int left, int right, long weight, int position)
    {
        if (!allowed(left, right))
            return;
        ulong key = Key(left, right);
        ref PairState state = ref CollectionsMarshal.GetValueRefOrAddDefault(pairs, key, out bool exists);
        if (!exists)
            state = new PairState(0, Occurrences.Empty, Dead);
        if (state.Stamp != merges)
            touched.Add(key);
        state = new PairState(state.Count + weight, occurrences.Add(state.Head, position), merges);
    }

    void Decrease(int left, int right, long weight)
    {
        ulong key = Key(left, right);
        ref PairState state = ref CollectionsMarshal.GetValueRefOrNullRef(pairs, key);
        if (System.Runtime.CompilerServices.Unsafe.IsNullRef(ref state))
            return;
        state = state with { Count = state.Count - weight };
        if (state.Count > 0)
            return;
        occurrences.Release(state.Head);
        pairs.Remove(key);
    }

    void EnqueueTouched()
    {
        foreach (ulong key in touched)
        {
            if (pairs.TryGetValue(key, out PairState state) && state.Count >= minFrequency)
                queue.Enqueue(key, (state.Count, key));
        }
        touched.Clear();
    }

    static ulong Key(int left, int right) => ((ulong)(uint)left << 32) | (uint)right;

    /// <summary>How often a pair occurs, the list of its places (some outdated), and the merge that last added one.</summary>
    readonly record struct PairState(long Count, int Head, int Stamp);

    sealed class MostFrequentFirst : IComparer<(long Count, ulong Pair)>
    {
        public int Compare((long Count, ulong Pair) x, (long Count, ulong Pair) y)
        {
            int byCount = y.Count.CompareTo(x.Count);
            return byCount != 0 ? byCount : x.Pair.CompareTo(y.Pair);
        }
    }

    /// <summary>Spreads the ids' few low bits over the whole hash.</summary>
    sealed class PairComparer : IEqualityComparer<ulong>
    {
        public bool Equals(ulong x, ulong y) => x == y;

        public int GetHashCode(ulong pair) => (int)((pair * 0x9E37_79B9_7F4A_7C15) >> 32);
    }
}
