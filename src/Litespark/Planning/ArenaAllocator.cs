namespace Litespark.Planning;

/// <summary>
/// Places blocks with lifetimes in one arena: largest first, each at the lowest offset that is free for its whole lifetime.
/// </summary>
internal static class ArenaAllocator
{
    /// <summary>Sets the blocks' offsets and returns the arena's size in bytes.</summary>
    public static long Place(IReadOnlyCollection<StoragePlanner.Block> blocks)
    {
        var placed = new List<StoragePlanner.Block>();
        long size = 0;
        foreach (StoragePlanner.Block block in blocks.OrderByDescending(block => block.Bytes).ThenBy(block => block.First))
        {
            long bytes = PersistentLayout.Align(block.Bytes), offset = 0;
            foreach (StoragePlanner.Block other in placed)
            {
                if (other.First > block.Last || other.Last < block.First) continue;
                if (other.Offset >= offset + bytes) break;
                offset = Math.Max(offset, other.Offset + PersistentLayout.Align(other.Bytes));
            }

            block.Offset = offset;
            size = Math.Max(size, offset + bytes);
            placed.Insert(Position(placed, offset), block);
        }

        return size;
    }

    /// <summary>Where to insert so that the list stays ordered by offset.</summary>
    static int Position(List<StoragePlanner.Block> placed, long offset)
    {
        int low = 0, high = placed.Count;
        while (low < high)
        {
            int middle = (low + high) / 2;
            if (placed[middle].Offset <= offset) low = middle + 1;
            else high = middle;
        }

        return low;
    }
}
