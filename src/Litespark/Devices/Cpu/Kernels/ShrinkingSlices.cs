namespace Litespark.Devices.Cpu.Kernels;

/// <summary>
/// Rows cut into slices for tasks that threads draw in order: long ones first, then shorter and shorter ones, so that all threads end at about
/// the same time (guided self-scheduling, Polychronopoulos and Kuck 1987: each slice is a share of what is left).
/// </summary>
internal sealed class ShrinkingSlices
{
    // Of what is left for one thread, a slice is a half: the rest evens out what slices of one size take.
    const int SlicesPerThread = 2;

    readonly int[] starts;

    /// <summary>Cuts rows into slices of <paramref name="longest"/> to <paramref name="shortest"/> rows; the last one may be shorter.</summary>
    /// <param name="rows">All rows.</param>
    /// <param name="longest">Rows of a slice at most, a multiple of the unit.</param>
    /// <param name="shortest">Rows of a slice at least, a multiple of the unit.</param>
    /// <param name="unit">Rows of a tile.</param>
    /// <param name="tasksPerSlice">Tasks that every slice makes.</param>
    /// <param name="threads">Threads that draw tasks.</param>
    public ShrinkingSlices(int rows, int longest, int shortest, int unit, int tasksPerSlice, int threads)
    {
        var cuts = new List<int>();
        for (int row = 0; row < rows;)
        {
            cuts.Add(row);
            int share = (int)Math.Min((long)(rows - row) * tasksPerSlice / ((long)SlicesPerThread * threads), longest);
            row += Math.Max(share / unit * unit, shortest);
        }
        cuts.Add(rows);
        starts = [.. cuts];
    }

    /// <summary>Number of slices.</summary>
    public int Count => starts.Length - 1;

    /// <summary>Where a slice begins and how many rows it has.</summary>
    public (int Start, int Rows) this[int slice] => (starts[slice], starts[slice + 1] - starts[slice]);
}
