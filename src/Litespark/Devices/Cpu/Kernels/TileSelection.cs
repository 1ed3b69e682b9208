using System.Numerics;
using System.Runtime.CompilerServices;
using Litespark.Graphs;

namespace Litespark.Devices.Cpu.Kernels;

/// <summary>
/// Which keys of a head each strip of query rows needs: a strip is as many rows as a register tile has, keys go by <see cref="Grain"/>.
/// What register tiles compute for these, whole registers, is more (<see cref="Computed"/>). The default selects all.
/// </summary>
/// <param name="pattern">Hides single keys of what is needed.</param>
/// <param name="origin">Token that the kernel's row 0 is.</param>
/// <param name="bits">One bit for each grain, strip after strip from row 0 on; null: all.</param>
/// <param name="stripBytes">Bytes from strip to strip.</param>
internal readonly unsafe struct TileSelection(in AttentionPattern pattern, int origin, byte* bits, nint stripBytes)
{
    /// <summary>Keys per bit; register tiles have a multiple of columns, blocks of keys have no more than 32 times as many.</summary>
    public const int Grain = 8;

    /// <summary>Hides single keys of what is needed.</summary>
    public readonly AttentionPattern Pattern = pattern;

    readonly int origin = origin;
    readonly byte* bits = bits;

    /// <summary>Whether every key between a row's first and last is needed.</summary>
    public bool All => bits is null;

    /// <summary>The grains of the keys [low, high), counted from a block's first key, that a strip needs; the block begins at key <paramref name="k0"/>, a multiple of four grains.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public uint Live(int strip, int k0, int low, int high)
    {
        if (low >= high) return 0;
        uint range = Range((uint)low / Grain, ((uint)high + Grain - 1) / Grain);
        if (bits is null) return range;
        uint grain = (uint)k0 / Grain;
        return range & (uint)(Unsafe.ReadUnaligned<ulong>(bits + strip * stripBytes + (grain >> 3)) >> (int)(grain & 7));
    }

    /// <summary>Whether there are single keys to hide between a row's first and last.</summary>
    public bool Hides => Pattern.Step > 0;

    /// <summary>Whether the live grains of some rows hold nothing hidden but what lies before a row's first key or behind its last: all rows see the same blocks then, which are whole grains.</summary>
    public bool ShowsWholeGrains(int row, int rows) => Pattern.Block % Grain == 0 && origin + row + rows <= Pattern.BlockEnd(origin + row);

    /// <summary>Gives the hidden ones among the scores [from, to) of some rows a value; column 0 is key <paramref name="k0"/>.</summary>
    public void Hide(float* scores, nint stride, int row, int rows, int k0, int from, int to, float value)
        => PatternMask.Hide(scores - k0, stride, Pattern, origin + row, rows, k0 + from, k0 + to, value);

    /// <summary>Takes the first run of grains off a set that is not empty; returns its keys [from, to), or other things of which a bit stands for so many.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (int From, int To) NextRun(ref uint set, int perBit = Grain)
    {
        int from = BitOperations.TrailingZeroCount(set), to = from + BitOperations.TrailingZeroCount(~(set >> from));
        set = to < 32 ? set & ~((1u << to) - 1) : 0;
        return (from * perBit, to * perBit);
    }

    /// <summary>What register tiles compute for a set: in each panel of so many grains the registers, of so many grains each, from the first that holds one of the set to the last.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint Computed(uint live, int panel, int register)
    {
        if (live == 0) return 0;
        uint low = (uint)BitOperations.TrailingZeroCount(live), high = 32 - (uint)BitOperations.LeadingZeroCount(live), width = (uint)register;
        // One run, as mostly.
        if (live == Range(low, high)) return Range(low / width * width, (high + width - 1) / width * width);
        uint computed = 0;
        for (int from = (int)low / panel * panel; from < high; from += panel)
        {
            uint within = live & Range((uint)from, (uint)(from + panel));
            if (within == 0) continue;
            computed |= Range((uint)BitOperations.TrailingZeroCount(within) / width * width, (32 - (uint)BitOperations.LeadingZeroCount(within) + width - 1) / width * width);
        }

        return computed;
    }

    /// <summary>The bits [from, to), fewer than 32.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static uint Range(uint from, uint to) => (uint)((1ul << (int)to) - (1ul << (int)from));
}
