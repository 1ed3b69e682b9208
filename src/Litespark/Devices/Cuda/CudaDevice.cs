using System.Text;
using System.Text.Json.Nodes;
using Litespark.Devices.Cuda.Compilation;
using Litespark.Devices.Cuda.Driver;
using Litespark.Devices.Cuda.Launching;
using Litespark.Devices.Cuda.Libraries;
using Litespark.Devices.Cuda.Libraries.CublasLt;
using Litespark.Devices.Cuda.Libraries.Cudnn;
using Litespark.Devices.Cuda.Ops;
using Litespark.Devices.Cuda.Pins;
using Litespark.Devices.Cuda.Tuning;
using Litespark.Graphs;
using Litespark.Graphs.Ops;
using Litespark.Planning;

namespace Litespark.Devices.Cuda;

/// <summary>An NVIDIA GPU: kernels of our own compiled at first use, and NVIDIA's libraries where they are to be had.</summary>
public sealed class CudaDevice : IDevice, ITunable
{
    const string Products = "matrix_products", AttentionForms = "attention"; // members of ChosenAlgorithms

    readonly ICudaDriver driver;
    readonly KernelLibrary kernels;
    readonly CudaCallFactory factory;
    readonly GpuProbe probe;
    readonly CublasLtContext? cublasLt;
    readonly CudnnContext? cudnn;
    readonly AttentionChooser attention;
    readonly IKernelCompiler compiler;
    readonly string withoutCudnn;

    /// <summary>Takes over a driver and libraries, which are disposed with the device.</summary>
    /// <param name="driver">The GPU.</param>
    /// <param name="compiler">Compiles the kernels.</param>
    /// <param name="precision">What is computed in.</param>
    /// <param name="cublasLt">Multiplies matrices, or null.</param>
    /// <param name="cudnn">Computes attention, or null.</param>
    /// <param name="withoutCudnn">Why there is no cuDNN.</param>
    internal CudaDevice(ICudaDriver driver, IKernelCompiler compiler, DataType precision, CublasLtContext? cublasLt = null, CudnnContext? cudnn = null, string withoutCudnn = "no cuDNN found")
    {
        (this.driver, this.compiler, this.cublasLt, this.cudnn, this.withoutCudnn) = (driver, compiler, cublasLt, cudnn, withoutCudnn);
        kernels = new KernelLibrary(driver, compiler);
        attention = new AttentionChooser(driver.Properties.Name, cudnn, withoutCudnn);
        factory = new CudaCallFactory(cublasLt, attention);
        Profile = CudaProfile.Of(precision, hasCublasLt: cublasLt is not null);
        probe = new GpuProbe(this, driver);
    }

    /// <summary>Opens the first GPU that CUDA shows, with NVIDIA's compiler, and cuBLASLt and cuDNN where they are installed.</summary>
    /// <exception cref="UserErrorException">There is no driver, no GPU or no compiler; the message lists where each was looked for.</exception>
    public static CudaDevice Open(DataType precision)
    {
        LibCudaDriver driver = CudaLibraries.OpenDriver();
        CudnnContext? cudnn = null;
        CublasLtContext? cublasLt = null;
        try
        {
            IKernelCompiler compiler = CudaLibraries.OpenCompiler(driver.Properties);
            cudnn = precision == DataType.BFloat16 ? CudaLibraries.OpenCudnn(driver, out string withoutCudnn) : CudaLibraries.NoCudnn("it has no attention in float32", out withoutCudnn);
            cublasLt = CudaLibraries.OpenCublasLt(driver, out _);
            return new CudaDevice(driver, compiler, precision, cublasLt, cudnn, withoutCudnn);
        }
        catch
        {
            cublasLt?.Dispose();
            cudnn?.Dispose();
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
                ("compiler", compiler.Identity), ("matrix products", cublasLt is null ? "own kernels: no cuBLASLt found" : $"cuBLASLt {cublasLt.Version}"),
                ("attention", cudnn is null ? $"own kernels: {withoutCudnn}" : $"cuDNN {cudnn.Version} where a row is one document{(cudnn.Mode == CudnnMode.Forward ? ", forward alone" : "")}, own kernels where documents share one"),
            ];
        }
    }

    /// <summary>
    /// Whether the compiler is older than the GPU; what became of attention: which problems cuDNN has plans for, and why it has none for others; and
    /// which products had no room for what cuBLASLt would take.
    /// </summary>
    public IReadOnlyList<string> Notices => [.. compiler.Notice is { } notice ? [notice] : (string[])[], .. attention.Notes, .. factory.Notes];

    /// <summary>One: the host only starts work.</summary>
    public int Threads => 1;

    /// <inheritdoc/>
    public DeviceProfile Profile { get; }

    /// <inheritdoc/>
    public JsonObject? ChosenAlgorithms => new()
    {
        [Products] = cublasLt is null ? null : JsonNode.Parse(cublasLt.ExportChoices()),
        [AttentionForms] = attention.Export(),
    };

    /// <inheritdoc/>
    public void UseAlgorithms(JsonObject chosen, Action<string> notice)
    {
        ArgumentNullException.ThrowIfNull(chosen);
        ArgumentNullException.ThrowIfNull(notice);
        if (!chosen.ContainsKey(AttentionForms) && !chosen.ContainsKey(Products))
        {
            // Older checkpoints hold the products' algorithms alone.
            chosen = new JsonObject { [Products] = chosen.DeepClone(), [AttentionForms] = new JsonObject() };
            notice("the checkpoint is older than the choice of what computes attention: that is chosen now, and results may be rounded otherwise");
        }

        if (chosen[AttentionForms] is not JsonObject forms || chosen[Products] is not (null or JsonObject)) throw new InvalidDataException($"it has no {AttentionForms} or {Products} as a GPU's run has");
        attention.Import(forms, notice);
        switch (chosen[Products], cublasLt)
        {
            case (JsonObject products, not null):
                cublasLt.ImportChoices(Encoding.UTF8.GetBytes(products.ToJsonString()), notice);
                break;
            case (JsonObject { Count: > 0 }, null):
                notice("the run multiplied matrices by cuBLASLt, which is not here: own kernels do it now, and sums may be rounded otherwise");
                break;
            case (null, not null):
                notice("the run multiplied matrices by own kernels, as there was no cuBLASLt; it does it now, and sums may be rounded otherwise");
                break;
        }
    }

    /// <inheritdoc/>
    public IEnumerable<TuningFinding> Tune(IReadOnlyList<StepProgram> programs) => new PlanTuner(kernels, cublasLt, cudnn, Profile).Tune(programs);

    /// <inheritdoc/>
    public IReadOnlyList<string> FormsOf(Op op) => [.. MemoryForm.Of(op).Select(form => form.Name)];

    /// <inheritdoc/>
    public ILoadedProgram Load(StepProgram program, Op op, string form)
    {
        factory.Form = MemoryForm.Of(op).Single(one => one.Name == form);
        try
        {
            return Load(program);
        }
        finally
        {
            factory.Form = MemoryForm.Usual;
        }
    }

    /// <inheritdoc/>
    public ILoadedProgram Load(StepProgram program) => new CudaProgram(program, kernels, factory);

    /// <summary>The maker's figure for the plans' precision where it is known, else the best rate of large products.</summary>
    public double SamplePeakFlops() => probe.PeakFlops();

    /// <summary>The maker's figure; null where it is not known.</summary>
    public double? SamplePeakFlops(DataType precision) => GpuPeaks.Find(HardwareName, precision);

    /// <inheritdoc/>
    public long? FreeMemory => driver.FreeMemory();

    /// <inheritdoc/>
    public double SampleBandwidth() => probe.Bandwidth();

    /// <inheritdoc/>
    public IDisposable? OwnKernelsOnly()
    {
        if (cublasLt is null && cudnn is null) return null;
        factory.OwnKernelsOnly = true;
        return new Undo(() => factory.OwnKernelsOnly = false);
    }

    /// <inheritdoc/>
    public IReadOnlyList<string> SparseKernels(BlockSparseOp op) => [.. SparseKernel.For(driver, Profile.Precision, op).Select(kernel => kernel.Name)];

    /// <inheritdoc/>
    public IDisposable? UseSparseKernel(string name)
    {
        SparseKernel? before = factory.SparseKernel;
        factory.SparseKernel = SparseKernel.Find(name);
        return new Undo(() => factory.SparseKernel = before);
    }

    /// <summary>Whether cuDNN has plans for attention of these sizes; nothing where there is no cuDNN.</summary>
    internal IEnumerable<(string Problem, bool IsPlanned, string Outcome)> TryAttention(AttentionGeometry geometry) => cudnn?.Try(geometry) ?? [];

    /// <summary>Name of the GPU's architecture.</summary>
    internal string Architecture => driver.Properties.Architecture;

    /// <summary>Holds a wrapper of the hardware to its definition.</summary>
    internal PinResult Run(Pin pin) => new PinRunner(kernels).Run(pin);

    /// <inheritdoc/>
    public void Dispose()
    {
        kernels.Dispose();
        cublasLt?.Dispose();
        cudnn?.Dispose();
        driver.Dispose();
    }

    /// <summary>Ends what lasts while it lives.</summary>
    sealed class Undo(Action undo) : IDisposable
    {
        public void Dispose() => undo();
    }
}
