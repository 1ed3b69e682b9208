using Litespark.Devices.Cuda;
using Litespark.Devices.Cuda.Compilation;
using Litespark.Devices.Cuda.Launching;
using Litespark.Devices.Cuda.Ops;
using Litespark.Graphs;
using Litespark.Planning;
using Litespark.Tests.Devices.Cuda.Emulation;
using Litespark.Tests.Devices.Cuda.Libraries;
using Litespark.Tests.Planning;

namespace Litespark.Tests.Devices.Cuda.Launching;

/// <summary>What became of a call and of a program whose later kernels do not compile.</summary>
public sealed class FailedBindingTests
{
    /// <summary>A compiler that one kernel file is too much for.</summary>
    sealed class Failing(string file) : IKernelCompiler
    {
        readonly EmulatedCompiler compiler = new();

        public string Identity => compiler.Identity;

        public byte[] Compile(KernelVariant variant) => variant.File == file ? throw new KernelCompilationException($"{file} is too much") : compiler.Compile(variant);
    }

    [EmulatedFact]
    public void The_first_of_two_launches_is_given_back_with_the_binding()
    {
        using var driver = new EmulatedDriver();
        using var kernels = new KernelLibrary(driver, new Failing("gemm_sum"));
        KernelLaunch first;
        using (var binding = new CudaBinding(kernels, persistent: 0, transient: 0))
        {
            var matrix = new GemmMatrix(4096, DataType.Float32, 64);
            Assert.Throws<KernelCompilationException>(() => new Gemm(64, 64, 64, matrix, false, matrix, false, matrix).Bind(binding, new GemmCut(GemmTile.Plain, 2)));
            first = Assert.Single(binding.Launches);
            Assert.False(first.IsClosed);
        }

        Assert.True(first.IsClosed);
        Assert.Equal(driver.Properties.MemoryBytes, driver.FreeMemory());
    }

    [EmulatedStandInTheory]
    [InlineData("norm_gradient")] // within a plan, after calls of the library
    [InlineData("optimizer")] // in a later plan
    public void A_program_that_cannot_be_loaded_leaves_no_memory_behind(string file)
    {
        using var gpu = new EmulatedCublasLt(compiler: new Failing(file));
        int handles = gpu.Driver.Streams + gpu.Driver.Events;
        Assert.Throws<KernelCompilationException>(() => new ToyStep(gpu.Device, ToyModels.Spec("llama"), PlanOptions.Baseline));
        Assert.Equal(gpu.Driver.Properties.MemoryBytes, gpu.Driver.FreeMemory());
        Assert.Equal((0L, handles), (gpu.Driver.PinnedBytes, gpu.Driver.Streams + gpu.Driver.Events));
    }

    [EmulatedFact]
    public void A_program_that_does_not_fit_leaves_no_memory_behind()
    {
        using var driver = new EmulatedDriver(memoryBytes: 200_000);
        using var gpu = new CudaDevice(driver, new EmulatedCompiler(), DataType.Float32);
        Assert.Throws<UserErrorException>(() => new ToyStep(gpu, ToyModels.Spec("llama"), PlanOptions.Baseline));
        Assert.Equal((driver.Properties.MemoryBytes, 0L), (driver.FreeMemory(), driver.PinnedBytes));
    }
}
