using System.Numerics;

namespace Litespark.Tokenization.Bpe;

/// <summary>
/// From a pair of token ids to the index of their merge: an open-addressing hash table, built once, read by many threads.
/// </summary>
internal sealed class PairTable
{
    const ulong Multiplier = 0x9E37_79B9_7F4A_7C15;

    readonly ulong[] keys;
    readonly int[] values;
    readonly int shift;

    /// <summary>Room for <paramref name="capacity"/> pairs.</summary>
    public PairTable(int capacity)
    {
        int size = (int)BitOperations.RoundUpToPowerOf2((uint)Math.Max(16, 2 * capacity));
        keys = new ulong[size];
        values = new int[size];
        shift = 64 - BitOperations.Log2((uint)size);
    }

    /// <summary>Adds a pair; the first one wins where it is there already.</summary>
    public bool TryAdd(int left, int right, int value)
    {
        int slot = Find(left, right, out ulong key);
        if (keys[slot] != 0)
            return false;
        keys[slot] = key;
        values[slot] = value;
        return true;
    }

    /// <summary>The value of the pair, or <see cref="int.MaxValue"/>.</summary>
    public int Get(int left, int right)
    {
        int slot = Find(left, right, out _);
        return keys[slot] == 0 ? int.MaxValue : values[slot];
    }

    int Find(int left, int right, out ulong key)
    {
        // One is added so that no key is 0, which marks a free slot.
        key = (((ulong)(uint)left << 32) | (uint)right) + 1;
        int slot = (int)((key * Multiplier) >> shift);
        while (keys[slot] != 0 && keys[slot] != key)
            slot = (slot + 1) & (keys.Length - 1);
        return slot;
    }
}
