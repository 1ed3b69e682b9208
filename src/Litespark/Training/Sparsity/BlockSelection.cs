namespace Litespark.Training.Sparsity;

/// <summary>Blocks to choose among, each with a key.</summary>
internal interface IBlockKeys
{
    /// <summary>Whether the block is one of them.</summary>
    bool Contains(int block);

    /// <summary>Its key; the smallest are chosen.</summary>
    uint KeyOf(int block);
}

/// <summary>
/// The blocks with the smallest keys, found by counting instead of sorting: three histograms find the upper ten bits of the last chosen key, the next
/// eleven, and the last eleven. Four passes for any number of blocks; of equal keys the first blocks count.
/// </summary>
internal static class BlockSelection
{
    const int DigitBits = 11;

    /// <summary>Calls <paramref name="take"/> for each chosen block, in order.</summary>
    /// <param name="blocks">Number of all blocks.</param>
    /// <param name="count">How many to choose.</param>
    /// <param name="keys">Candidates. Taking a block may end its own candidacy, but no other's.</param>
    /// <param name="take">What to do with each.</param>
    /// <exception cref="ArgumentOutOfRangeException">There are fewer candidates.</exception>
    public static void TakeSmallest<TKeys>(int blocks, int count, TKeys keys, Action<int> take) where TKeys : IBlockKeys, allows ref struct
    {
        if (count == 0) return;
        Span<int> histogram = stackalloc int[1 << DigitBits];
        uint threshold = 0;
        // Of the candidates at the threshold, as many as are chosen still.
        int ties = count;
        for (int shift = 2 * DigitBits; shift >= 0; shift -= DigitBits)
        {
            histogram.Clear();
            for (int block = 0; block < blocks; block++)
            {
                if (!keys.Contains(block)) continue;
                uint key = keys.KeyOf(block);
                if ((ulong)(key ^ threshold) >> (shift + DigitBits) == 0) histogram[(int)(key >> shift) & ((1 << DigitBits) - 1)]++;
            }
            uint digit = Digit(histogram, ref ties);
            threshold |= digit << shift;
        }

        for (int block = 0; block < blocks; block++)
        {
            if (!keys.Contains(block)) continue;
            uint key = keys.KeyOf(block);
            if (key < threshold || (key == threshold && ties-- > 0)) take(block);
        }
    }

    /// <summary>The bin that the <paramref name="place"/>-th smallest falls into; its place within it.</summary>
    static uint Digit(ReadOnlySpan<int> histogram, ref int place)
    {
        for (int bin = 0; bin < histogram.Length; bin++)
        {
            if (place <= histogram[bin]) return (uint)bin;
            place -= histogram[bin];
        }
        throw new ArgumentOutOfRangeException(nameof(place), "There are not so many blocks to choose among.");
    }
}
