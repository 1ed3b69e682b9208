using Litespark.Devices.Cuda.Compilation;
using Litespark.Devices.Cuda.Driver;
using Litespark.Devices.Cuda.Libraries.CublasLt;
using Litespark.Devices.Cuda.Libraries.Cudnn;

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
    /// <exception cref="UserErrorException">There is no compiler, or none that fits the GPU.</exception>
    public static IKernelCompiler OpenCompiler(GpuProperties gpu)
    {
        LibraryFinding finding = Need(NvidiaLibrary.Compiler, "Install the CUDA toolkit, or NVIDIA's wheel (pip install nvidia-cuda-nvrtc).");
        var compiler = new NvrtcCompiler(new LibNvrtc(finding.Handle, finding.Path), gpu.Architecture);
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

    /// <summary>cuDNN on a GPU, or null where it is not to be had, or not to be used.</summary>
    /// <param name="driver">The GPU.</param>
    /// <param name="absence">Why there is none.</param>
    /// <exception cref="UserErrorException">LITESPARK_CUDNN is none of its values.</exception>
    public static CudnnContext? OpenCudnn(ICudaDriver driver, out string absence)
        => OpenCudnn(driver, LibraryProbe.Find(NvidiaLibrary.Cudnn), CudnnModes.Of(Environment.GetEnvironmentVariable), out absence);

    /// <summary>The same with what was found of it.</summary>
    public static CudnnContext? OpenCudnn(ICudaDriver driver, LibraryFinding finding, CudnnMode mode, out string absence)
    {
        if (mode == CudnnMode.Off) return NoCudnn($"{CudnnModes.Variable}=off", out absence);
        if (!finding.IsFound) return NoCudnn("no cuDNN found", out absence);
        try
        {
            absence = "";
            return new CudnnContext(new LibCudnn(finding.Handle), driver, mode, new EngineChoices(Path.Combine(Cache, EngineChoices.FileName)));
        }
        catch (Exception error) when (error is CudaException or EntryPointNotFoundException)
        {
            return NoCudnn($"{finding.Path} does not work: {error.Message}", out absence);
        }
    }

    /// <summary>None, and why.</summary>
    public static CudnnContext? NoCudnn(string why, out string absence)
    {
        absence = why;
        return null;
    }

    static LibraryFinding Need(NvidiaLibrary library, string help)
    {
        LibraryFinding finding = LibraryProbe.Find(library);
        return finding.IsFound ? finding : throw new UserErrorException($"engine.device: cuda: {finding.Explain()} {help} `litespark doctor` shows all libraries.");
    }
}
