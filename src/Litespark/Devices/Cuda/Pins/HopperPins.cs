using Litespark.Devices.Cuda.Compilation;
using Litespark.Devices.Cuda.Driver;

namespace Litespark.Devices.Cuda.Pins;

/// <summary>
/// What Hopper alone has (PTX ISA: <c>mbarrier</c>, <c>cp.async.bulk.tensor</c>, <c>wgmma</c>, <c>setmaxnreg</c>). Of the 128-byte swizzle: in
/// rows of 128 bytes from an address that is a multiple of 1024, bits 4 … 6 of an address are XORed with bits 7 … 9.
/// </summary>
internal static class HopperPins
{
    const int Group = 128, RowElements = 64;

    /// <summary>All of them.</summary>
    public static IEnumerable<Pin> All(Random random)
    {
        KernelVariant file = File(false, false);
        uint[] words = PinSet.Words(random, 3 * Group);
        yield return Hopper("mbarriers", file, "pin_mbarrier", new LaunchShape(1, Group), words, [.. words.Chunk(Group).SelectMany(round => round.Reverse())]);
        yield return Boxes(random);
        foreach (bool transposeA in (bool[])[false, true])
            foreach (bool transposeB in (bool[])[false, true])
                foreach (int columns in (int[])[128, 256]) yield return Product(random, columns, transposeA, transposeB);
        words = PinSet.Words(random, 3 * Group);
        yield return Hopper("registers change hands", file, "pin_registers", new LaunchShape(1, 3 * Group), words, [.. words.Select((word, i) => word + (i / Group == 2 ? 1u : 2u))]);
    }

    /// <summary>Boxes of [16, 64] out of [38, 80], whose rows lie 88 elements apart: within, over the edges, and outside.</summary>
    static Pin Boxes(Random random)
    {
        const int Rows = 38, Columns = 80, Stride = 88, AllRows = 40, BoxRows = 16;
        ushort[] matrix = [.. Enumerable.Range(0, AllRows * Stride).Select(_ => (ushort)random.Next(1 << 16))];
        (int X, int Y)[] starts = [(8, 5), (24, 30), (Columns, 3)];
        var expected = new List<ushort>();
        foreach ((int x, int y) in starts)
        {
            var box = new ushort[BoxRows * RowElements];
            for (int row = 0; row < BoxRows; row++)
                for (int column = 0; column < RowElements; column++)
                    box[Place(row, column)] = y + row < Rows && x + column < Columns ? matrix[(y + row) * Stride + x + column] : (ushort)0;
            expected.AddRange(box);
        }

        return Hopper("load_box", File(false, false), "pin_load_box", new LaunchShape(1, 64, starts.Length * BoxRows * RowElements * sizeof(ushort) + sizeof(ulong)),
            [.. Fragments.Pairs(matrix), .. starts.SelectMany(start => new[] { (uint)start.X, (uint)start.Y })], Fragments.Pairs([.. expected])) with { Box = new(0, Rows, Columns, Stride, BoxRows) };
    }

    /// <summary>Whole numbers so small that every sum is exact. An operand lies with its depth along rows of 128 bytes, or transposed: then 64 of its rows or columns are a panel.</summary>
    static Pin Product(Random random, int columns, bool transposeA, bool transposeB)
    {
        const int M = 64, K = 64, Half = 128;
        int[,] a = Numbers(M, K), b = Numbers(columns, K);
        uint[] sums = new uint[M * columns], expected = new uint[sums.Length];
        for (int place = 0; place < sums.Length; place++)
        {
            (int half, int warp, int lane, int i) = (place / 64 / Group, place / 64 % Group / 32, place / 64 % 32, place % 64);
            (int row, int column, int old) = (16 * warp + lane / 4 + (i % 4 >= 2 ? 8 : 0), Half * half + 8 * (i / 4) + 2 * (lane % 4) + i % 2, random.Next(-999, 999));
            int sum = Enumerable.Range(0, K).Sum(k => a[row, k] * b[column, k]);
            (sums[place], expected[place]) = (BitConverter.SingleToUInt32Bits(old), BitConverter.SingleToUInt32Bits(old + sum));
        }

        string kernel = $"multiply_add_64x{columns}";
        return Hopper($"{kernel}, a {Name(transposeA)}, b {Name(transposeB)}", File(transposeA, transposeB), "pin_" + kernel, new LaunchShape(1, Group, (M + columns) * K * sizeof(ushort)),
            [.. Fragments.Pairs(Laid(a, transposeA)), .. Fragments.Pairs(Laid(b, transposeB)), .. sums], expected);

        int[,] Numbers(int rows, int depth)
        {
            int[,] numbers = new int[rows, depth];
            for (int i = 0; i < rows; i++)
                for (int k = 0; k < depth; k++) numbers[i, k] = random.Next(-99, 100);
            return numbers;
        }

        static string Name(bool transposed) => transposed ? "transposed" : "as it is";
    }

    static ushort[] Laid(int[,] operand, bool transposed)
    {
        (int rows, int depth) = (operand.GetLength(0), operand.GetLength(1));
        var laid = new ushort[rows * depth];
        for (int i = 0; i < rows; i++)
            for (int k = 0; k < depth; k++)
                laid[transposed ? i / RowElements * depth * RowElements + Place(k, i % RowElements) : Place(i, k)] = (ushort)(BitConverter.SingleToUInt32Bits(operand[i, k]) >> 16); // at most 8 bits: exact
        return laid;
    }

    /// <summary>Where an element of a row of 128 bytes lies.</summary>
    static int Place(int row, int column) => RowElements * row + (column / 8 ^ row % 8) * 8 + column % 8;

    static KernelVariant File(bool transposeA, bool transposeB) => new("pins_hopper", $"TRANSPOSE_A={(transposeA ? 1 : 0)}", $"TRANSPOSE_B={(transposeB ? 1 : 0)}");

    static Pin Hopper(string name, KernelVariant variant, string kernel, LaunchShape shape, uint[] input, uint[] expected) => new(name, variant, kernel, shape, input, expected) { Architecture = "sm_90a" };
}
