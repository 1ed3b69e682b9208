namespace Litespark.Devices.Cuda.Pins;

/// <summary>
/// Which elements of a matrix a lane holds, by the PTX ISA ("Matrix fragments for mma.m16n8k16"). With g = lane / 4 and t = lane mod 4,
/// the lower half of a register first: a[16, 16] is row g, columns 2t and 2t + 1; row g + 8; row g, eight columns further; row g + 8
/// there. b[16, 8] is column g, rows 2t and 2t + 1; eight rows further.
/// </summary>
internal static class Fragments
{
    /// <summary>Four words a lane.</summary>
    public static uint[] A(Func<int, int, ushort> element) => Lanes(4, (lane, j) =>
    {
        (int row, int column) = (lane / 4 + j % 2 * 8, lane % 4 * 2 + j / 2 * 8);
        return (element(row, column), element(row, column + 1));
    });

    /// <summary>Two b side by side, b[16, 16]: four words a lane.</summary>
    public static uint[] B(Func<int, int, ushort> element) => Lanes(4, (lane, j) =>
    {
        (int k, int n) = (lane % 4 * 2 + j % 2 * 8, lane / 4 + j / 2 * 8);
        return (element(k, n), element(k + 1, n));
    });

    /// <summary>So many registers of each lane, from the elements in them.</summary>
    public static uint[] Lanes(int registers, Func<int, int, (ushort Low, ushort High)> elements)
    {
        var words = new uint[32 * registers];
        for (int i = 0; i < words.Length; i++)
        {
            (ushort low, ushort high) = elements(i / registers, i % registers);
            words[i] = low | (uint)high << 16;
        }

        return words;
    }

    /// <summary>Elements as they lie in memory.</summary>
    public static uint[] Pairs(ushort[] elements) => [.. elements.Chunk(2).Select(pair => pair[0] | (uint)pair[1] << 16)];
}
