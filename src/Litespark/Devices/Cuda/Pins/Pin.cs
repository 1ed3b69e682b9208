using Litespark.Devices.Cuda.Compilation;
using Litespark.Devices.Cuda.Driver;

namespace Litespark.Devices.Cuda.Pins;

/// <summary>
/// Holds one wrapper of the hardware to the definition of what it wraps (PTX ISA, CUDA's tables of errors): a tiny kernel takes
/// words and gives words, and the words that should come out are computed here. A GPU and an emulator are held to the same.
/// </summary>
/// <param name="Name">What is pinned.</param>
/// <param name="Variant">The file with the kernel.</param>
/// <param name="Kernel">The kernel: <c>(const uint32* in, uint32* out)</c>, and a <c>TensorMap</c> where there is a <see cref="Box"/>.</param>
/// <param name="Shape">Its launch.</param>
/// <param name="Input">Words that it takes.</param>
/// <param name="Expected">Words that it gives. A word that the kernel does not write stays <see cref="Untouched"/>.</param>
internal sealed record Pin(string Name, KernelVariant Variant, string Kernel, LaunchShape Shape, uint[] Input, uint[] Expected)
{
    /// <summary>What every result is before the kernel runs.</summary>
    public const uint Untouched = 0xFFFFFFFF;

    /// <summary>The architecture that alone has what is pinned; null: all have it.</summary>
    public string? Architecture { get; init; }

    /// <summary>A matrix in the input, in halves of words, that the kernel is given a tensor map of; its address is the input's.</summary>
    public TensorBox? Box { get; init; }

    /// <summary>How far a float may be from what is expected; none where results agree to the bit.</summary>
    public Func<float, double>? Allowed { get; init; }

    /// <summary>Whether results are numbers: then any NaN does for a NaN, as PTX leaves open which one comes out.</summary>
    public bool AreNumbers { get; init; }

    /// <summary>The first result that is not as it should be, in words; null where all are.</summary>
    public string? Difference(ReadOnlySpan<uint> found)
    {
        for (int i = 0; i < Expected.Length; i++)
        {
            if (found[i] == Expected[i] || IsAsGood(BitConverter.UInt32BitsToSingle(found[i]), BitConverter.UInt32BitsToSingle(Expected[i]))) continue;
            return Allowed is null
                ? $"word {i} is {found[i]:x8}, should be {Expected[i]:x8}"
                : $"number {i} is {BitConverter.UInt32BitsToSingle(found[i]):g9}, should be {BitConverter.UInt32BitsToSingle(Expected[i]):g9}";
        }

        return null;
    }

    /// <inheritdoc/>
    public override string ToString() => Name;

    bool IsAsGood(float found, float expected)
        => (AreNumbers && float.IsNaN(expected) && float.IsNaN(found)) || (Allowed is not null && float.IsFinite(expected) && Math.Abs((double)found - expected) <= Allowed(expected));
}

/// <summary>What came of a pin.</summary>
/// <param name="Pin">Which.</param>
/// <param name="Problem">What was not as it should be; null where it held.</param>
internal sealed record PinResult(Pin Pin, string? Problem);
