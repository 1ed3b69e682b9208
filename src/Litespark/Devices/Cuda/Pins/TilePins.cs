using Litespark.Devices.Cuda.Compilation;
using Litespark.Devices.Cuda.Driver;

namespace Litespark.Devices.Cuda.Pins;

/// <summary>Swizzled tiles: what is loaded into one, and the operands that come out of it in either orientation.</summary>
internal static class TilePins
{
    const int Warps = 4, Warp = 32, Rows = 64, Stride = 72, LiveRows = 50, DeadColumns = 5;

    /// <summary>All of them.</summary>
    public static IEnumerable<Pin> All(Random random)
    {
        foreach ((int width, bool aligned) in ((int, bool)[])[(32, true), (64, true), (64, false)])
        {
            ushort[] matrix = [.. Enumerable.Range(0, Rows * Stride).Select(_ => (ushort)random.Next(1 << 16))];
            ushort At(int row, int column) => row < LiveRows && column < width - DeadColumns ? matrix[row * Stride + column] : (ushort)0;
            IEnumerable<uint> expected = Enumerable.Range(0, Warps).SelectMany(warp => (uint[])
            [
                .. Fragments.A((row, column) => At(16 * warp + row, 16 + column)), .. Fragments.A((row, column) => At(16 * warp + column, 16 + row)),
                .. Fragments.B((k, n) => At(16 * warp + k, 16 + n)), .. Fragments.B((k, n) => At(16 * warp + n, 16 + k)),
            ]);
            yield return new($"swizzled tile of {width} columns, {(aligned ? "aligned" : "any address")}", new KernelVariant("pins_swizzled_tile", $"WIDTH={width}", $"ALIGNED={(aligned ? 1 : 0)}"),
                "pin_swizzled_tile", new LaunchShape(1, Warps * Warp), Fragments.Pairs(matrix), [.. expected]);
        }
    }
}
