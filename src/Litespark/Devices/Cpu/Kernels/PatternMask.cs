using System.Runtime.CompilerServices;
using Litespark.Graphs;

namespace Litespark.Devices.Cpu.Kernels;

/// <summary>Hides single keys of a row of scores.</summary>
internal static unsafe class PatternMask
{
    /// <summary>
    /// Gives the scores of the keys in [from, to) that a pattern hides from query <paramref name="t"/> a value; those behind t are left alone.
    /// row[0] is the score of key <paramref name="origin"/>.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Hide(float* row, int origin, in AttentionPattern pattern, int t, int from, int to, float value)
    {
        int end = Math.Min(to, pattern.RunStart(t));
        if (from >= end) return;
        row -= origin;
        int step = pattern.Step * pattern.Block, visible = pattern.FirstVisible(t, from);
        while (from < end)
        {
            // What is seen next, either a block (it may have begun before) or the run.
            for (int stop = Math.Min(visible, end); from < stop; from++) row[from] = value;
            from = visible - visible % pattern.Block + pattern.Block;
            visible = from - pattern.Block + step;
        }
    }
}
