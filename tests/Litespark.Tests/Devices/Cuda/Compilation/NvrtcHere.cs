using System.Runtime.CompilerServices;
using Litespark.Devices.Cuda.Compilation;
using Litespark.Devices.Cuda.Libraries;

namespace Litespark.Tests.Devices.Cuda.Compilation;

/// <summary>
/// NVIDIA's run-time compiler, where this machine has it: in the folder of LITESPARK_NVRTC, in <c>.cache/nvrtc</c> where
/// <c>scripts/cuda-compiler-for-checks</c> puts it, or in one of the places in which the library itself looks.
/// </summary>
static class NvrtcHere
{
    static readonly string[] unpacked = [.. new[] { Environment.GetEnvironmentVariable("LITESPARK_NVRTC"), Path.Combine(Root(), ".cache", "nvrtc") }
        .Where(folder => !string.IsNullOrEmpty(folder)).Select(folder => folder!)];

    static readonly Lazy<LibraryFinding> finding = new(() => new LibraryProbe(new LibraryFolders(Variable)).Look(NvidiaLibrary.Compiler));

    static readonly Lazy<LibNvrtc?> library = new(() => finding.Value.IsFound ? new LibNvrtc(finding.Value.Handle, finding.Value.Path) : null);

    /// <summary>The compiler, or null.</summary>
    public static LibNvrtc? Library => library.Value;

    /// <summary>Why there is none.</summary>
    public static string Missing => $"{finding.Value.Explain()} LITESPARK_NVRTC names a folder with the compiler; scripts/cuda-compiler-for-checks makes one.";

    /// <summary>The disassembler, or null.</summary>
    public static string? Disassembler => unpacked.Select(folder => Path.Combine(folder, "usr", "bin"))
        .Concat((Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator)).Select(folder => Path.Combine(folder, "nvdisasm")).FirstOrDefault(File.Exists);

    static string? Variable(string name) => name != LibraryFolders.Variable ? Environment.GetEnvironmentVariable(name)
        : string.Join(Path.PathSeparator, unpacked.SelectMany(folder => new[] { folder, Path.Combine(folder, "usr", "lib", "x86_64-linux-gnu") }).Where(Directory.Exists)
            .Append(Environment.GetEnvironmentVariable(name)));

    static string Root([CallerFilePath] string path = "") => Path.GetFullPath(Path.Combine(Path.GetDirectoryName(path)!, "..", "..", "..", "..", ".."));
}

/// <summary>A fact that needs the compiler.</summary>
sealed class NvrtcFactAttribute : FactAttribute
{
    public NvrtcFactAttribute() => Skip = NvrtcHere.Library is null ? NvrtcHere.Missing : null;
}

/// <summary>A theory that needs the compiler.</summary>
sealed class NvrtcTheoryAttribute : TheoryAttribute
{
    public NvrtcTheoryAttribute() => Skip = NvrtcHere.Library is null ? NvrtcHere.Missing : null;
}
