namespace Litespark.Data.Loading;

/// <summary>
/// Gives every row to one of several sources, so that after any number of rows each source's share is within one row of
/// its weight: the row goes to the source that is due first. No randomness, and its state is the number of rows given.
/// </summary>
internal sealed class SourceMixer
{
    readonly double[] weights;
    readonly long[] rows;

    /// <summary>Starts with no rows given; weights are above 0.</summary>
    public SourceMixer(IReadOnlyList<double> weights)
    {
        this.weights = [.. weights];
        rows = new long[weights.Count];
    }

    /// <summary>Rows given to each source; setting them continues from there.</summary>
    public Span<long> Rows => rows;

    /// <summary>The source of the next row, which is counted as given.</summary>
    public int Next()
    {
        int due = 0;
        for (int i = 1; i < weights.Length; i++)
            if ((rows[i] + 1) * weights[due] < (rows[due] + 1) * weights[i]) due = i;
        rows[due]++;
        return due;
    }
}
