using System.Numerics;

namespace Litespark.SelfTesting;

/// <summary>
/// Queries and keys whose scores are far apart: tokens of one stretch are alike in every head, those of different stretches orthogonal (rows of a Walsh
/// matrix), so that attention weighs its own stretch alone, and tiles elsewhere may be left out.
/// </summary>
internal static class WalshRows
{
    /// <summary>Scaled score of a pair within a stretch; beside it one of 0 weighs nothing in float32.</summary>
    const float Score = 40;

    const float Noise = 0.05f;
    const int Stretches = 8;

    /// <summary>Fills rows [tokens of all sequences, heads · headDim]; scores are scaled by 1 / √headDim.</summary>
    public static void Fill(float[] values, int tokens, int columns, int headDim, uint seed)
    {
        RandomNumbers.Normal(values, seed);
        int stretch = (tokens + Stretches - 1) / Stretches;
        float strength = MathF.Sqrt(Score / MathF.Sqrt(headDim));
        for (int i = 0; i < values.Length; i++)
        {
            int row = i / columns % tokens / stretch, column = i % columns % headDim;
            values[i] = Noise * values[i] + ((BitOperations.PopCount((uint)(row & column)) & 1) == 0 ? strength : -strength);
        }
    }
}
