using Litespark.Devices.Cuda.Compilation;

namespace Litespark.Devices.Cuda.Pins;

/// <summary>All pins: every function of <c>hardware.cuh</c>, <c>tensor_core.cuh</c> and <c>hopper.cuh</c>, and what is built right on top of them.</summary>
internal static class PinSet
{
    /// <summary>All of them, on numbers that a seed decides.</summary>
    public static IReadOnlyList<Pin> All(int seed)
    {
        var random = new Random(seed);
        return [.. ConversionPins.All(random), .. FunctionPins.All(random), .. MemoryPins.All(random), .. WarpPins.All(random), .. TensorCorePins.All(random), .. TilePins.All(random), .. HopperPins.All(random)];
    }

    /// <summary>Those that hold on an architecture.</summary>
    public static IEnumerable<Pin> For(string architecture, int seed) => All(seed).Where(pin => pin.Architecture is null || pin.Architecture == architecture);

    /// <summary>The files that hold their kernels.</summary>
    public static IEnumerable<string> Files => KernelText.Files.Where(file => file == "pins" || file.StartsWith("pins_", StringComparison.Ordinal));

    /// <summary>Random words.</summary>
    internal static uint[] Words(Random random, int count) => [.. Enumerable.Range(0, count).Select(_ => (uint)random.NextInt64(1L << 32))];

    /// <summary>Words of fp32 numbers.</summary>
    internal static uint[] Words(params IEnumerable<float> numbers) => [.. numbers.Select(BitConverter.SingleToUInt32Bits)];

    /// <summary>A finite number of any size, of either sign.</summary>
    internal static float AnyNumber(Random random) => BitConverter.UInt32BitsToSingle((uint)random.Next(0, 0x7F80_0000) | (random.Next(2) == 0 ? 0x8000_0000 : 0));
}
