namespace Litespark.Devices.Cpu.Kernels;

/// <summary>
/// Rows that layer norm or a norm's gradient takes at once: first the sums of all, then the results. Results wait for the ends of sums, square roots and
/// divisions, some hundred cycles in which the sums of other rows go on; what a batch reads stays in the first cache.
/// </summary>
internal static class NormBatch
{
    /// <summary>Rows at most.</summary>
    public const int Most = 8;

    // Of each operand: with three or four of them, half of a small first cache.
    const int Floats = 1024;

    /// <summary>Rows of so many columns.</summary>
    public static int Rows(int columns) => Math.Clamp(Floats / Math.Max(columns, 1), 1, Most);
}
