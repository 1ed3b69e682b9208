using System.Runtime.InteropServices;
using System.Text;
using Litespark.Devices.Cuda;
using Litespark.Devices.Cuda.Compilation;
using Litespark.Devices.Cuda.Driver;
using Litespark.Devices.Cuda.Launching;
using Litespark.Graphs;

namespace Litespark.Tests.Devices.Cuda.Compilation;

/// <summary>What is compiled for, of GPUs and compilers older and newer than each other: by a library with the compiler's interface.</summary>
public sealed unsafe class TargetTests : IDisposable
{
    // What releases of the compiler know.
    static readonly int[] of12_4 = [50, 52, 53, 60, 61, 62, 70, 72, 75, 80, 86, 87, 89, 90], of12_8 = [.. of12_4, 100, 101, 120], of13_0 = [75, 80, 86, 87, 88, 89, 90, 100, 103, 110, 120, 121];

    readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [StandInTheory]
    [InlineData(80, 12, 4, "sm_80", false)]
    [InlineData(89, 12, 4, "sm_89", false)]
    [InlineData(90, 12, 4, "sm_90a", false)]
    [InlineData(100, 12, 4, "compute_90", true)]
    [InlineData(120, 12, 4, "compute_90", true)]
    [InlineData(100, 12, 8, "sm_100a", false)]
    [InlineData(103, 12, 8, "compute_101", true)]
    [InlineData(120, 12, 8, "sm_120a", false)]
    [InlineData(121, 12, 8, "compute_120", true)]
    [InlineData(103, 13, 0, "sm_103a", false)]
    [InlineData(121, 13, 0, "sm_121a", false)]
    public void The_target_is_the_GPUs_or_the_newest_that_the_compiler_knows(int capability, int major, int minor, string target, bool isPtx)
    {
        var gpu = new GpuProperties("", capability / 10, capability % 10, 132, 0, 0, 0, 13000);
        var compiler = new NvrtcCompiler(Nvrtc(major, minor), gpu.Architecture, _ => "");
        Assert.Equal(target, compiler.Target);
        Assert.Contains($"--gpu-architecture={target} ", compiler.Identity); // part of the cache's key
        Assert.Equal(isPtx ? $"good PTX of {target}\0" : $"good machine code of {target}", Encoding.ASCII.GetString(compiler.Compile(new KernelVariant("any"))));
        if (isPtx) Assert.Equal($"NVRTC {major}.{minor} does not know {gpu.Architecture} yet: kernels are made for {target} and translated by the driver, without what is new in this GPU. A newer CUDA toolkit's libnvrtc would do better.", compiler.Notice);
        else Assert.Null(compiler.Notice);
    }

    [StandInFact]
    public void GPUs_without_bf16_tensor_cores_are_refused_whatever_the_compiler_knows()
        => Assert.Contains("need a GPU of sm_80 (compute capability 8.0) or later, this one is sm_75", Assert.Throws<UserErrorException>(() => new NvrtcCompiler(Nvrtc(12, 4), "sm_75")).Message);

    [StandInFact]
    public void A_compiler_that_knows_too_few_says_which()
        => Assert.Contains("NVRTC 12.0 compiles for no architecture that a GPU of sm_80 runs; it knows 75.", Assert.Throws<UserErrorException>(() => new NvrtcCompiler(Nvrtc(12, 0, [75]), "sm_80")).Message);

    /// <summary>From the GPU's properties to a function that can be started, PTX of the compiler through the cache into the driver; and the device says so.</summary>
    [StandInTheory]
    [InlineData(100)]
    [InlineData(120)]
    public void PTX_for_a_newer_GPU_is_loaded_by_the_driver_and_said(int capability)
    {
        string path = folder.File("libcuda.so.1");
        StandInLibrary.BuildFile(path, "stand_in_cuda.c");
        nint cuda = NativeLibrary.Load(path);
        *(int*)NativeLibrary.GetExport(cuda, "stand_in_capability") = capability;
        var driver = new LibCudaDriver(new LibCuda(cuda));
        IKernelCompiler Compiler() => new CachedCompiler(new NvrtcCompiler(Nvrtc(12, 4), driver.Properties.Architecture, _ => ""), new KernelCache(folder.File("cache")), driver.Properties.DriverVersion, _ => "");
        for (int run = 0; run < 2; run++) // the second finds it in the cache
        {
            using var kernels = new KernelLibrary(driver, Compiler());
            Assert.NotEqual(0, kernels.Function(new KernelVariant("any"), "scale"));
        }

        using var device = new CudaDevice(driver, Compiler(), DataType.BFloat16);
        Assert.StartsWith($"NVRTC 12.4 does not know sm_{capability}a yet: kernels are made for compute_90", Assert.Single(device.Notices));
        Assert.Contains(device.Facts, fact => fact is { Name: "compiler" } && fact.Value.Contains("compute_90", StringComparison.Ordinal));
    }

    LibNvrtc Nvrtc(int major, int minor, int[]? knows = null)
    {
        string path = folder.File($"libnvrtc-{Guid.NewGuid():N}.so");
        StandInLibrary.BuildFile(path, "stand_in_nvrtc.c");
        nint library = NativeLibrary.Load(path);
        int[] known = knows ?? (major == 13 ? of13_0 : minor == 8 ? of12_8 : of12_4);
        fixed (int* first = known) ((delegate* unmanaged<int, int, int*, int, void>)NativeLibrary.GetExport(library, "stand_in_nvrtc_knows"))(major, minor, first, known.Length);
        return new LibNvrtc(library);
    }
}
