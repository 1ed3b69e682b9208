using System.Runtime.CompilerServices;
using Litespark.Graphs;

namespace Litespark.Devices.Cpu.Kernels;

/// <summary>Hides single keys from rows of scores.</summary>
internal static unsafe class PatternMask
{
    /// <summary>
    /// Gives the scores of the keys in [from, to) that a pattern with a step hides from the queries token, token + 1, … a value; those behind a query
    /// itself are left alone. scores[r · stride + c] is that of row r and key c. Divides once for all rows: a division takes as long as several keys.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Hide(float* scores, nint stride, in AttentionPattern pattern, int token, int rows, int from, int to, float value)
    {
        int block = pattern.Block, step = pattern.Step, stepKeys = step * block;
        int tokenBlock = token / block, within = token - tokenBlock * block, residue = tokenBlock % step;
        int fromBlock = from / block, fromResidue = fromBlock % step;
        bool isFixed = pattern.Mode == AttentionMode.Fixed;
        for (int r = 0; r < rows; r++, scores += stride)
        {
            int end = Math.Min(to, (isFixed ? tokenBlock - residue : Math.Max(0, tokenBlock - pattern.RunBlocks + 1)) * block);
            int away = (isFixed ? step - 1 : residue) - fromResidue;
            // Visible blocks one after the other; the first may have begun before.
            int visible = (fromBlock + (away < 0 ? away + step : away)) * block;
            for (int key = from; key < end; key = visible + block, visible += stepKeys)
            {
                int stop = Math.Min(visible, end);
                if (stop > key) new Span<float>(scores + key, stop - key).Fill(value);
            }

            if (++within < block) continue;
            within = 0;
            tokenBlock++;
            if (++residue == step) residue = 0;
        }
    }
}
