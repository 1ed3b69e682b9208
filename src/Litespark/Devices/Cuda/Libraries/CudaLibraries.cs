using Litespark.Devices.Cuda.Compilation;
using Litespark.Devices.Cuda.Driver;
using Litespark.Devices.Cuda.Libraries.CublasLt;

namespace Litespark.Devices.Cuda.Libraries;

/// <summary>Opens NVIDIA's libraries where they are found, with their caches in the usual folder.</summary>
internal static class CudaLibraries
{
    static string Cache => KernelCache.DefaultFolder(Environment.GetEnvironmentVariable);

    /// <summary>Opens a GPU.</summary>
    /// <param name="ordinal">Its number, from 0.</param>
    /// <exception cref="UserErrorException">There is no driver or no such GPU.</exception>
    public static LibCudaDriver OpenDriver(int ordinal = 0)
        => new(new LibCuda(Need(NvidiaLibrary.Driver, "Install NVIDIA's driver; a container has to be started with GPU access.").Handle), ordinal);

    /// <summary>The compiler of the kernels for a GPU, with the cache before it.</summary>
    /// <param name="gpu">The GPU.</param>
    /// <param name="notice">What the user ought to know of the compiler, or null.</param>
    /// <exception cref="UserErrorException">There is no compiler, or none that fits the GPU.</exception>
    public static IKernelCompiler OpenCompiler(GpuProperties gpu, out string? notice)
    {
        LibraryFinding finding = Need(NvidiaLibrary.Compiler, "Install the CUDA toolkit, or NVIDIA's wheel (pip install nvidia-cuda-nvrtc).");
        var compiler = new NvrtcCompiler(new LibNvrtc(finding.Handle, finding.Path), gpu.Architecture);
        notice = compiler.Notice;
        return new CachedCompiler(compiler, new KernelCache(Path.Combine(Cache, "kernels")), gpu.DriverVersion);
    }

    /// <summary>cuBLASLt on a GPU, or null where it is not installed.</summary>
    /// <param name="driver">The GPU.</param>
    /// <param name="choices">Algorithms chosen by timing: those of this machine, to which a run adds its own.</param>
    public static CublasLtContext? OpenCublasLt(ICudaDriver driver, out MatmulChoices choices)
    {
        choices = new MatmulChoices(Path.Combine(Cache, MatmulChoices.FileName));
        LibraryFinding finding = LibraryProbe.Find(NvidiaLibrary.CublasLt);
        return finding.IsFound ? new CublasLtContext(new LibCublasLt(finding.Handle), driver, choices) : null;
    }

    static LibraryFinding Need(NvidiaLibrary library, string help)
    {
        LibraryFinding finding = LibraryProbe.Find(library);
        return finding.IsFound ? finding : throw new UserErrorException($"engine.device: cuda: {finding.Explain()} {help} `litespark doctor` shows all libraries.");
    }
}
