namespace Litespark.Data.Loading;

/// <summary>The SplitMix64 generator (Steele, Lea, Flood, 2014) as a function of its position: any number of it in O(1).</summary>
internal static class SplitMix
{
    /// <summary>Number <paramref name="index"/> of the sequence that <paramref name="seed"/> starts.</summary>
    public static ulong At(ulong seed, ulong index)
    {
        ulong z = seed + (index + 1) * 0x9E3779B97F4A7C15UL;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9UL;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBUL;
        return z ^ (z >> 31);
    }
}
