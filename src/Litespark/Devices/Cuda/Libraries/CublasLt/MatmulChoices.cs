using System.Runtime.InteropServices;

namespace Litespark.Devices.Cuda.Libraries.CublasLt;

/// <summary>The algorithms of matrix products.</summary>
/// <param name="path">The file, or null to keep none.</param>
internal sealed class MatmulChoices(string? path = null) : TimedChoices<Algorithm>(path, "algorithm")
{
    /// <summary>Name of the file beside the compiled kernels.</summary>
    public const string FileName = "matmul-algorithms.json";

    /// <inheritdoc/>
    protected override string Text(Algorithm choice)
    {
        Span<ulong> words = choice;
        return Convert.ToHexStringLower(MemoryMarshal.AsBytes(words));
    }

    /// <inheritdoc/>
    protected override Algorithm Parse(string text)
    {
        Algorithm algorithm = default;
        Span<ulong> words = algorithm;
        Span<byte> whole = MemoryMarshal.AsBytes(words);
        byte[] bytes = Convert.FromHexString(text);
        if (bytes.Length != whole.Length) throw new FormatException($"an algorithm has {whole.Length} bytes, not {bytes.Length}");
        bytes.CopyTo(whole);
        return algorithm;
    }
}
