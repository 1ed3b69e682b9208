using System.Buffers.Binary;
using System.Numerics;

namespace Litespark.Training.Sparsity;

/// <summary>Which blocks of a weight live: one bit each.</summary>
public sealed class BlockMask
{
    const string AllText = "all";
    readonly ulong[] bits;

    /// <summary>All blocks dead.</summary>
    internal BlockMask(SparseWeight weight)
    {
        Weight = weight;
        bits = new ulong[(weight.Blocks + 63) / 64];
    }

    /// <summary>A copy to change.</summary>
    internal BlockMask(BlockMask other)
    {
        Weight = other.Weight;
        bits = [.. other.bits];
        Live = other.Live;
    }

    /// <summary>The weight.</summary>
    public SparseWeight Weight { get; }

    /// <summary>Live blocks.</summary>
    public int Live { get; private set; }

    /// <summary>Share of live blocks.</summary>
    public double Density => (double)Live / Weight.Blocks;

    /// <summary>Whether every block lives.</summary>
    public bool IsFull => Live == Weight.Blocks;

    /// <summary>Whether a block lives.</summary>
    public bool this[int block] => (bits[block >> 6] >> block & 1) != 0;

    /// <summary>Elements in live blocks.</summary>
    public long LiveElements
    {
        get
        {
            // Only blocks at the edges are smaller.
            long elements = (long)Live * Weight.BlockRows * Weight.BlockColumns;
            int full = Weight.BlockRows * Weight.BlockColumns, lastRow = (Weight.GridRows - 1) * Weight.GridColumns;
            for (int block = Weight.GridColumns - 1; block < lastRow; block += Weight.GridColumns)
                if (this[block]) elements -= full - Weight.ElementsOf(block);
            for (int block = lastRow; block < Weight.Blocks; block++)
                if (this[block]) elements -= full - Weight.ElementsOf(block);
            return elements;
        }
    }

    /// <summary>Lines across the outputs with no live block.</summary>
    public int DeadOutputLines => DeadLines().Count();

    /// <summary>Outputs with no live weight: whatever comes in, they are constant.</summary>
    public int DeadOutputs
    {
        get
        {
            (int outputs, int block) = Weight.InputsFirst ? (Weight.Columns, Weight.BlockColumns) : (Weight.Rows, Weight.BlockRows);
            return DeadLines().Sum(line => Math.Min(block, outputs - line * block));
        }
    }

    IEnumerable<int> DeadLines()
    {
        bool[] alive = new bool[Weight.OutputLines];
        for (int block = 0; block < Weight.Blocks; block++)
            if (this[block]) alive[Weight.OutputLineOf(block)] = true;
        return Enumerable.Range(0, alive.Length).Where(line => !alive[line]);
    }

    /// <summary>A mask with all blocks alive.</summary>
    public static BlockMask Full(SparseWeight weight)
    {
        ArgumentNullException.ThrowIfNull(weight);
        var mask = new BlockMask(weight) { Live = weight.Blocks };
        Array.Fill(mask.bits, ulong.MaxValue);
        mask.bits[^1] = LastWord(weight);
        return mask;
    }

    /// <summary>Live blocks here that are dead in another mask of the same weight.</summary>
    public int CountNotIn(BlockMask other)
    {
        ArgumentNullException.ThrowIfNull(other);
        int count = 0;
        for (int word = 0; word < bits.Length; word++) count += BitOperations.PopCount(bits[word] & ~other.bits[word]);
        return count;
    }

    internal void Revive(int block)
    {
        if (this[block]) return;
        bits[block >> 6] |= 1UL << block;
        Live++;
    }

    internal void Kill(int block)
    {
        if (!this[block]) return;
        bits[block >> 6] &= ~(1UL << block);
        Live--;
    }

    /// <summary>One bit for each block, eight to a byte from the lowest on, in base 64; "all" for a mask without dead blocks.</summary>
    public string ToText()
    {
        if (IsFull) return AllText;
        byte[] bytes = new byte[8 * bits.Length];
        for (int word = 0; word < bits.Length; word++) BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(8 * word), bits[word]);
        return Convert.ToBase64String(bytes, 0, (Weight.Blocks + 7) / 8);
    }

    /// <summary>Reads <see cref="ToText"/>.</summary>
    /// <exception cref="FormatException">It is not base 64, or has another number of blocks.</exception>
    public static BlockMask FromText(SparseWeight weight, string text)
    {
        ArgumentNullException.ThrowIfNull(weight);
        ArgumentNullException.ThrowIfNull(text);
        if (text == AllText) return Full(weight);
        byte[] bytes = Convert.FromBase64String(text);
        if (bytes.Length != (weight.Blocks + 7) / 8) throw new FormatException($"{weight.Name}: {bytes.Length} bytes are not a mask of {weight.Blocks} blocks.");
        var mask = new BlockMask(weight);
        Array.Resize(ref bytes, 8 * mask.bits.Length);
        for (int word = 0; word < mask.bits.Length; word++)
        {
            mask.bits[word] = BinaryPrimitives.ReadUInt64LittleEndian(bytes.AsSpan(8 * word));
            mask.Live += BitOperations.PopCount(mask.bits[word]);
        }
        if ((mask.bits[^1] & ~LastWord(weight)) != 0) throw new FormatException($"{weight.Name}: the mask has bits beyond its {weight.Blocks} blocks.");
        return mask;
    }

    static ulong LastWord(SparseWeight weight) => weight.Blocks % 64 == 0 ? ulong.MaxValue : (1UL << (weight.Blocks % 64)) - 1;
}
