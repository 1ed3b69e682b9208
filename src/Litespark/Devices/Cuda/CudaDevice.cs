using Litespark.Devices.Cuda.Compilation;
using Litespark.Devices.Cuda.Driver;
using Litespark.Devices.Cuda.Launching;
using Litespark.Graphs;
using Litespark.Planning;

namespace Litespark.Devices.Cuda;

/// <summary>An NVIDIA GPU: kernels of our own compiled at first use, and NVIDIA's libraries where they are to be had.</summary>
public sealed class CudaDevice : IDevice
{
    readonly ICudaDriver driver;
    readonly KernelLibrary kernels;
    readonly CudaCallFactory factory;
    readonly GpuProbe probe;

    /// <summary>Takes over a driver, which is disposed with the device.</summary>
    internal CudaDevice(ICudaDriver driver, IKernelCompiler compiler, DataType precision)
    {
        this.driver = driver;
        kernels = new KernelLibrary(driver, compiler);
        factory = new CudaCallFactory();
        Profile = CudaProfile.Of(precision);
        probe = new GpuProbe(this, driver);
    }

    /// <inheritdoc/>
    public string Name => "cuda";

    /// <inheritdoc/>
    public string HardwareName => driver.Properties.Name;

    /// <inheritdoc/>
    public IReadOnlyList<(string Name, string Value)> Facts
    {
        get
        {
            GpuProperties gpu = driver.Properties;
            return
            [
                ("compute capability", $"{gpu.Major}.{gpu.Minor}"), ("multiprocessors", $"{gpu.Multiprocessors}"), ("memory", $"{gpu.MemoryBytes / 1e9:0.0} GB"),
                ("driver speaks CUDA", $"{gpu.DriverVersion / 1000}.{gpu.DriverVersion % 1000 / 10}"), ("precision", $"{Profile.Precision}"),
            ];
        }
    }

    /// <summary>One: the host only starts work.</summary>
    public int Threads => 1;

    /// <inheritdoc/>
    public DeviceProfile Profile { get; }

    /// <inheritdoc/>
    public ILoadedProgram Load(StepProgram program) => new CudaProgram(program, kernels, factory);

    /// <summary>The maker's dense bf16 peak where it is known (whatever the precision of the plan: that is how MFU is compared), else the best rate of large products.</summary>
    public double SamplePeakFlops() => probe.PeakFlops();

    /// <inheritdoc/>
    public double SampleBandwidth() => probe.Bandwidth();

    /// <inheritdoc/>
    public void Dispose()
    {
        kernels.Dispose();
        driver.Dispose();
    }
}
