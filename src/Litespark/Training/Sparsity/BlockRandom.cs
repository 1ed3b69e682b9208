using System.Text;

namespace Litespark.Training.Sparsity;

/// <summary>
/// A random number for each block by a counter, without state: it depends on the run's seed, the step, the weight's name and the block alone, so that
/// every rank draws the same and a resumed run goes on as if undisturbed. Names are hashed by FNV-1a, all else by the finaliser of SplitMix64
/// (Steele, Lea &amp; Flood 2014).
/// </summary>
internal readonly struct BlockRandom
{
    const ulong Golden = 0x9E3779B97F4A7C15;
    readonly ulong key;

    /// <param name="seed">The run's.</param>
    /// <param name="step">The topology step; 0 for the first masks.</param>
    /// <param name="name">Canonical name of the weight.</param>
    public BlockRandom(int seed, int step, string name)
    {
        ulong hash = 0xCBF29CE484222325;
        foreach (byte letter in Encoding.UTF8.GetBytes(name)) hash = (hash ^ letter) * 0x100000001B3;
        key = Mix(Mix(hash + (uint)seed * Golden) + (uint)step * Golden);
    }

    /// <summary>The block's number, every one equally likely.</summary>
    public uint this[int block] => (uint)(Mix(key + ((ulong)block + 1) * Golden) >> 32);

    static ulong Mix(ulong z)
    {
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }
}
