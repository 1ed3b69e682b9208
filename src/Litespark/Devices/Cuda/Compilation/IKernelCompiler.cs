namespace Litespark.Devices.Cuda.Compilation;

/// <summary>Turns kernel text into what a driver loads.</summary>
internal interface IKernelCompiler
{
    /// <summary>Compiler, version and architecture: part of the key under which results are cached.</summary>
    string Identity { get; }

    /// <summary>What the user ought to know of it, or null.</summary>
    string? Notice => null;

    /// <summary>Compiles one variant. Thread-safe.</summary>
    /// <exception cref="KernelCompilationException">The text has errors; the message holds the compiler's log.</exception>
    byte[] Compile(KernelVariant variant);
}

/// <summary>A kernel file with its macros: what is compiled and cached as one.</summary>
/// <param name="File">Name of the file in <c>Kernels/</c>, without its ending.</param>
/// <param name="Defines">Macros as <c>NAME=VALUE</c>, in a fixed order.</param>
internal sealed record KernelVariant(string File, params string[] Defines)
{
    /// <inheritdoc/>
    public bool Equals(KernelVariant? other) => other is not null && File == other.File && Defines.AsSpan().SequenceEqual(other.Defines);

    /// <inheritdoc/>
    public override int GetHashCode() => Defines.Aggregate(File.GetHashCode(StringComparison.Ordinal), HashCode.Combine);

    /// <inheritdoc/>
    public override string ToString() => Defines.Length == 0 ? File : $"{File} ({string.Join(", ", Defines)})";
}

/// <summary>Kernel text did not compile.</summary>
internal sealed class KernelCompilationException(string message) : Exception(message);
