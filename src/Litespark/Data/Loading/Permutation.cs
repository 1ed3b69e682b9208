using System.Numerics;

namespace Litespark.Data.Loading;

/// <summary>
/// A pseudo-random order of 0 … count−1 that takes no memory: a Feistel network over the next even number of bits, walked
/// until it lands inside the range (Black and Rogaway, "Ciphers with arbitrary finite domains", 2002).
/// </summary>
internal readonly struct Permutation
{
    const int Rounds = 6;
    readonly ulong count;
    readonly ulong seed;
    readonly int halfBits;

    /// <summary>The order that <paramref name="seed"/> gives; below 2^62 elements.</summary>
    public Permutation(long count, ulong seed)
    {
        this.count = (ulong)count;
        this.seed = seed;
        int bits = count <= 1 ? 0 : 64 - BitOperations.LeadingZeroCount((ulong)count - 1);
        halfBits = Math.Max(1, (bits + 1) / 2);
    }

    /// <summary>The element at <paramref name="index"/> of the order.</summary>
    public long this[long index]
    {
        get
        {
            ulong value = (ulong)index;
            do value = Encrypt(value);
            while (value >= count);
            return (long)value;
        }
    }

    ulong Encrypt(ulong value)
    {
        ulong mask = (1UL << halfBits) - 1;
        ulong left = value >> halfBits;
        ulong right = value & mask;
        for (int round = 0; round < Rounds; round++)
            (left, right) = (right, left ^ (SplitMix.At(seed ^ (right * 0xD6E8FEB86659FD93UL), (ulong)round) & mask));
        return left << halfBits | right;
    }
}
