using Litespark.Devices.Cuda.Compilation;
using Litespark.Devices.Cuda.Driver;

namespace Litespark.Devices.Cuda.Pins;

/// <summary>Matrix loads and products of a warp, and asynchronous copies (PTX ISA: <c>ldmatrix</c>, <c>mma.m16n8k16</c>, <c>cp.async</c>).</summary>
internal static class TensorCorePins
{
    const int Warp = 32;

    static readonly KernelVariant file = new("pins_tensor_core");

    /// <summary>All of them.</summary>
    public static IEnumerable<Pin> All(Random random)
    {
        ushort[] matrices = [.. Enumerable.Range(0, 4 * 64).Select(_ => (ushort)random.Next(1 << 16))];
        ushort Element(int matrix, int row, int column) => matrices[64 * matrix + 8 * row + column];
        uint[] words = Fragments.Pairs(matrices);
        yield return Launch("load_matrices", words, Fragments.Lanes(4, (lane, j) => (Element(j, lane / 4, lane % 4 * 2), Element(j, lane / 4, lane % 4 * 2 + 1))));
        yield return Launch("load_matrices_transposed", words, Fragments.Lanes(4, (lane, j) => (Element(j, lane % 4 * 2, lane / 4), Element(j, lane % 4 * 2 + 1, lane / 4))));
        yield return Product(random);

        uint[] copied = PinSet.Words(random, 4 * Warp);
        yield return Launch("copy_async", copied, [.. Enumerable.Range(0, Warp).SelectMany(i => First(copied.AsSpan(4 * (i ^ 1), 4), Math.Min(i ^ 1, 16)))]);
        yield return Launch("copy_word_async", copied[..Warp], [.. Enumerable.Range(0, Warp).Select(i => (i ^ 1) % 3 != 0 ? copied[i ^ 1] : 0)]);
        uint[] groups = PinSet.Words(random, 3 * 4 * Warp);
        yield return Launch("wait_copies", groups, groups);

        ushort[] tile = [.. Enumerable.Range(0, 48 * 48).Select(_ => (ushort)random.Next(1 << 16))];
        ushort At(int row, int column) => tile[48 * row + column];
        yield return Launch("fragments", Fragments.Pairs(tile),
        [
            .. Fragments.A((row, column) => At(16 + row, 32 + column)), .. Fragments.B((k, n) => At(32 + n, 16 + k)), .. Fragments.B((k, n) => At(32 + k, 16 + n)),
        ]);
    }

    /// <summary>d += a · b of whole numbers so small that every sum is exact, and each operand's place shows in the result.</summary>
    static Pin Product(Random random)
    {
        float[,] a = new float[16, 16], b = new float[16, 8], d = new float[16, 8], result = new float[16, 8];
        for (int i = 0; i < 16; i++)
        {
            for (int k = 0; k < 16; k++) a[i, k] = random.Next(-128, 129);
            for (int j = 0; j < 8; j++) (b[i, j], d[i, j]) = (random.Next(-128, 129), random.Next(-9999, 9999));
        }

        for (int i = 0; i < 16; i++)
            for (int j = 0; j < 8; j++)
            {
                result[i, j] = d[i, j];
                for (int k = 0; k < 16; k++) result[i, j] += a[i, k] * b[k, j];
            }

        uint[] right = Fragments.B((k, n) => n < 8 ? Half(b[k, n]) : (ushort)0); // of four registers the first two are one b[16, 8]
        return Launch("multiply_add", [.. Fragments.A((row, column) => Half(a[row, column])), .. right.Chunk(4).SelectMany(registers => registers[..2]), .. Sums(d)], Sums(result));

        static ushort Half(float whole) => (ushort)(BitConverter.SingleToUInt32Bits(whole) >> 16); // at most 8 bits: exact
        static uint[] Sums(float[,] matrix) => [.. Enumerable.Range(0, 4 * Warp).Select(i => BitConverter.SingleToUInt32Bits(matrix[i / 4 / 4 + i % 4 / 2 * 8, i / 4 % 4 * 2 + i % 2]))];
    }

    /// <summary>The first bytes of four words, then zeros.</summary>
    static uint[] First(ReadOnlySpan<uint> words, int bytes)
    {
        var kept = new uint[words.Length];
        for (int i = 0; i < kept.Length; i++)
        {
            int live = Math.Clamp(bytes - 4 * i, 0, 4);
            kept[i] = words[i] & (live == 4 ? uint.MaxValue : (1u << 8 * live) - 1);
        }

        return kept;
    }

    static Pin Launch(string name, uint[] input, uint[] expected) => new(name, file, "pin_" + name, new LaunchShape(1, Warp), input, expected);
}
