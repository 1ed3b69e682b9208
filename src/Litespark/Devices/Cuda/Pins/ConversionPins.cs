using Litespark.Devices.Cuda.Compilation;
using Litespark.Devices.Cuda.Driver;

namespace Litespark.Devices.Cuda.Pins;

/// <summary>Conversions between fp32 and bf16 (PTX ISA, <c>cvt.rn.bf16.f32</c>): to nearest, ties to even, not-a-number as 7FFF.</summary>
internal static class ConversionPins
{
    static readonly KernelVariant file = new("pins");

    /// <summary>All of them.</summary>
    public static IEnumerable<Pin> All(Random random)
    {
        float[] numbers = Numbers(random);
        uint[] words = PinSet.Words(numbers);
        uint[] halves = [.. numbers.Select(x => (uint)BFloat16(x))];
        yield return Each("to_float(bf16)", "pin_float_of_bf16", halves, [.. halves.Select(half => half << 16)]);
        yield return Each("to_float(float)", "pin_float_of_float", words, words);
        yield return Each("from_float<bf16>", "pin_bf16_of_float", words, halves);
        yield return Each("from_float<float>", "pin_float_from_float", words, words);

        float[] others = [.. numbers.Reverse()];
        uint[] pairs = [.. numbers.Zip(others, (low, high) => BFloat16(low) | (uint)BFloat16(high) << 16)];
        yield return Each("pack_bf16", "pin_pack_bf16", PinSet.Words(numbers.Zip(others, (low, high) => new[] { low, high }).SelectMany(pair => pair)), pairs, numbers.Length);
        yield return Each("unpack_bf16", "pin_unpack_bf16", pairs, [.. pairs.SelectMany(pair => new[] { pair << 16, pair & 0xFFFF0000 })], pairs.Length);
    }

    /// <summary>The nearest bf16 by comparing with its neighbours: not how the kernels or the emulator do it.</summary>
    internal static ushort BFloat16(float x)
    {
        if (float.IsNaN(x)) return 0x7FFF;
        uint bits = BitConverter.SingleToUInt32Bits(x);
        ushort below = (ushort)(bits >> 16), above = (ushort)(below + 1); // by magnitude; beyond the largest number lies infinity
        if (float.IsInfinity(x)) return below;
        // What lies beyond the largest bf16 counts as the next power of two, as in IEEE 754.
        double low = Magnitude(below), high = Magnitude(above), distance = Math.Abs((double)x);
        return distance - low < high - distance || (distance - low == high - distance && below % 2 == 0) ? below : above;
    }

    static double Magnitude(ushort bf16)
    {
        int bits = bf16 & 0x7FFF, exponent = bits >> 7, fraction = bits & 0x7F;
        return exponent == 0 ? fraction * Math.ScaleB(1, -133) : (128 + fraction) * Math.ScaleB(1, exponent - 134);
    }

    static float[] Numbers(Random random)
    {
        var numbers = new List<float> { 0, -0f, 1, -1, float.PositiveInfinity, float.NegativeInfinity, float.NaN, float.MaxValue, float.MinValue, 1e-40f, -1e-45f, 1.1754942e-38f, 3.3895314e38f, 3.3961775e38f };
        // Halfway between two bf16, above an even and an odd one, and next to halfway.
        foreach (uint half in (uint[])[0x3F800000, 0x3F810000, 0xC2FE0000, 0x00010000, 0x7F7E0000])
            foreach (uint beside in (uint[])[0x8000, 0x7FFF, 0x8001]) numbers.Add(BitConverter.UInt32BitsToSingle(half | beside));
        while (numbers.Count < 256) numbers.Add(PinSet.AnyNumber(random));
        return [.. numbers];
    }

    static Pin Each(string name, string kernel, uint[] input, uint[] expected, int? threads = null) => new(name, file, kernel, new LaunchShape(1, threads ?? input.Length), input, expected);
}
