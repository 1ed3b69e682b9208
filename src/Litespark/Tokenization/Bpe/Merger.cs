using System.Runtime.InteropServices;

namespace Litespark.Tokenization.Bpe;

/// <summary>
/// Applies merges to one piece: always the pair of lowest rank, the leftmost of equals. Short pieces are scanned for each merge;
/// long ones go through a heap and a linked list, so that n symbols cost O(n log n). Scratch of one thread.
/// </summary>
internal sealed class Merger(BpeModel model)
{
    const int LongestScanned = 64;
    const int Dead = -1;

    readonly int[] ranks = new int[LongestScanned];
    readonly PriorityQueue<int, ulong> queue = new();
    int[] previous = [];
    int[] next = [];

    /// <summary>Merges in place.</summary>
    public void Merge(List<int> symbols)
    {
        Span<int> span = CollectionsMarshal.AsSpan(symbols);
        int count = span.Length <= LongestScanned ? MergeShort(span) : MergeLong(span);
        symbols.RemoveRange(count, symbols.Count - count);
    }

    int MergeShort(Span<int> symbols)
    {
        int count = symbols.Length;
        Span<int> pairs = ranks;
        for (int i = 0; i + 1 < count; i++)
            pairs[i] = model.Rank(symbols[i], symbols[i + 1]);
        while (count > 1)
        {
            int best = 0;
            for (int i = 1; i + 1 < count; i++)
            {
                if (pairs[i] < pairs[best])
                    best = i;
            }
            if (pairs[best] == int.MaxValue)
                break;
            symbols[best] = model.Result(pairs[best]);
            symbols[(best + 2)..count].CopyTo(symbols[(best + 1)..]);
            pairs[(best + 1)..(count - 1)].CopyTo(pairs[best..]);
            count--;
            if (best > 0)
                pairs[best - 1] = model.Rank(symbols[best - 1], symbols[best]);
            if (best + 1 < count)
                pairs[best] = model.Rank(symbols[best], symbols[best + 1]);
        }
        return count;
    }

    int MergeLong(Span<int> symbols)
    {
        int count = symbols.Length;
        if (next.Length < count)
        {
            next = new int[count];
            previous = new int[count];
        }
        queue.Clear();
        for (int i = 0; i < count; i++)
        {
            previous[i] = i - 1;
            next[i] = i + 1 < count ? i + 1 : Dead;
            Enqueue(symbols, i);
        }
        while (queue.TryDequeue(out int left, out ulong priority))
        {
            int right = symbols[left] == Dead ? Dead : next[left];
            int rank = (int)(priority >> 32);
            if (right == Dead || model.Rank(symbols[left], symbols[right]) != rank)
                continue; // an earlier merge took part of this pair
            symbols[left] = model.Result(rank);
            symbols[right] = Dead;
            next[left] = next[right];
            if (next[left] != Dead)
                previous[next[left]] = left;
            Enqueue(symbols, left);
            if (previous[left] != Dead)
                Enqueue(symbols, previous[left]);
        }
        int written = 0;
        for (int i = 0; i != Dead; i = next[i])
            symbols[written++] = symbols[i];
        return written;
    }

    void Enqueue(Span<int> symbols, int left)
    {
        if (next[left] == Dead)
            return;
        int rank = model.Rank(symbols[left], symbols[next[left]]);
        if (rank != int.MaxValue)
            queue.Enqueue(left, ((ulong)(uint)rank << 32) | (uint)left);
    }
}
