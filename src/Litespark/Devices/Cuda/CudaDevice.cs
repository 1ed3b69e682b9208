using Litespark.Devices.Cuda.Compilation;
using Litespark.Devices.Cuda.Driver;
using Litespark.Devices.Cuda.Launching;
using Litespark.Devices.Cuda.Libraries;
using Litespark.Devices.Cuda.Libraries.CublasLt;
using Litespark.Devices.Cuda.Pins;
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
    readonly CublasLtContext? cublasLt;
    readonly string compilerName;

    /// <summary>Takes over a driver and cuBLASLt, which are disposed with the device.</summary>
    internal CudaDevice(ICudaDriver driver, IKernelCompiler compiler, DataType precision, CublasLtContext? cublasLt = null)
    {
        this.driver = driver;
        this.cublasLt = cublasLt;
        compilerName = compiler.Identity;
        kernels = new KernelLibrary(driver, compiler);
        factory = new CudaCallFactory(cublasLt);
        Profile = CudaProfile.Of(precision);
        probe = new GpuProbe(this, driver);
    }

    /// <summary>Opens the first GPU that CUDA shows, with NVIDIA's compiler, and cuBLASLt where it is installed.</summary>
    /// <exception cref="UserErrorException">There is no driver, no GPU or no compiler; the message lists where each was looked for.</exception>
    public static CudaDevice Open(DataType precision)
    {
        LibCudaDriver driver = CudaLibraries.OpenDriver();
        try
        {
            IKernelCompiler compiler = CudaLibraries.OpenCompiler(driver.Properties, out _);
            return new CudaDevice(driver, compiler, precision, CudaLibraries.OpenCublasLt(driver, out _));
        }
        catch
        {
            driver.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public string Name => "cuda";

    /// <inheritdoc/>
    public string HardwareName => driver.Properties.Name;

    /// <summary>The GPU's place on the bus, which is certain where numbers are not; else the first that CUDA shows.</summary>
    public IReadOnlyList<string> Gpus => [driver.Properties.PciBusId ?? "0"];

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
                ("compiler", compilerName), ("matrix products", cublasLt is null ? "own kernels: no cuBLASLt found" : $"cuBLASLt {cublasLt.Version}"),
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

    /// <summary>Holds a wrapper of the hardware to its definition.</summary>
    internal PinResult Run(Pin pin) => new PinRunner(kernels).Run(pin);

    /// <inheritdoc/>
    public void Dispose()
    {
        kernels.Dispose();
        cublasLt?.Dispose();
        driver.Dispose();
    }
}
