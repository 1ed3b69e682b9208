using Litespark.Devices.Cuda.Driver;
using Litespark.Devices.Cuda.Launching;

namespace Litespark.Devices.Cuda.Libraries.CublasLt;

/// <summary>
/// cuBLASLt on one GPU: its handle and the choice of algorithms. Calls bring their workspace: those of one stream may share one.
/// </summary>
internal sealed unsafe class CublasLtContext : IDisposable
{
    /// <summary>What cuBLASLt's algorithms may use beside their operands: NVIDIA's advice for Hopper.</summary>
    public const long WorkspaceBytes = 32L << 20;

    readonly nint handle;
    readonly MatmulChoices choices;
    readonly MatmulTuner tuner;

    /// <summary>Opens the library.</summary>
    /// <param name="library">Its functions.</param>
    /// <param name="driver">The GPU.</param>
    /// <param name="choices">Where choices are kept.</param>
    public CublasLtContext(LibCublasLt library, ICudaDriver driver, MatmulChoices choices)
    {
        (Library, Driver, this.choices) = (library, driver, choices);
        Machine = $"{driver.Properties.Name}, cuBLASLt {library.GetVersion()}";
        driver.MakeCurrent();
        nint created;
        library.Check(library.Create(&created), "cublasLtCreate");
        handle = created;
        tuner = new MatmulTuner(this, choices);
    }

    /// <summary>The library's functions.</summary>
    public LibCublasLt Library { get; }

    /// <summary>The library's version as it gives it.</summary>
    public string Version => $"{Library.GetVersion()}";

    /// <summary>The GPU.</summary>
    public ICudaDriver Driver { get; }

    /// <summary>GPU and version of the library, for which a choice holds.</summary>
    public string Machine { get; }

    /// <summary>Told what the user ought to know of the choices.</summary>
    public Action<string> Notice { get; private set; } = _ => { };

    /// <summary>
    /// Binds a product to its operands; times algorithms where none is known for such a problem yet, on memory of its own.
    /// Returns null where cuBLASLt has no algorithm for it: another kernel has to do it.
    /// </summary>
    /// <param name="problem">Its alignment is taken from the addresses, which are those of the first of a batch.</param>
    /// <param name="workspace">Address of <see cref="WorkspaceBytes"/> that nothing of another stream uses.</param>
    /// <param name="a">Address of A.</param>
    /// <param name="b">Address of B.</param>
    /// <param name="c">Address of C.</param>
    /// <param name="bias">Address of the bias, or 0.</param>
    /// <param name="alpha">α.</param>
    public CublasLtMatmul? Bind(MatmulProblem problem, nint workspace, nint a, nint b, nint c, nint bias = 0, float alpha = 1)
    {
        if (problem.HasBias != (bias != 0)) throw new ArgumentException($"{problem}: a bias and its address go together", nameof(bias));
        if (!problem.IsSupported) return null;
        problem = problem.At(a, b, c, bias);
        Driver.MakeCurrent();
        MatmulDescription description = Describe(problem);
        try
        {
            if (tuner.Choose(problem, description) is { } algorithm)
            {
                if (problem.HasBias) description.SetBias(bias);
                return new CublasLtMatmul(this, description, algorithm, workspace, a, b, c, alpha, problem.Accumulates ? 1 : 0);
            }
        }
        catch
        {
            description.Dispose();
            throw;
        }

        description.Dispose();
        return null;
    }

    /// <summary>Gives back the memory that timing took; the next timing takes it again.</summary>
    public void EndTuning() => tuner.ReleaseMemory();

    /// <inheritdoc cref="MatmulTuner.Measure"/>
    public MatmulTiming? Measure(MatmulProblem problem, Func<MatmulOperands, IReadOnlyList<ICudaCall>> others) => tuner.Measure(problem, others);

    /// <summary>The algorithms in use, as JSON: state of the run.</summary>
    public byte[] ExportChoices() => choices.Export();

    /// <summary>Goes on with the algorithms of a run, whatever this machine has found fastest since.</summary>
    /// <param name="json">What <see cref="ExportChoices"/> gave.</param>
    /// <param name="notice">Told, now or when products are bound, which of them do not hold here.</param>
    /// <exception cref="InvalidDataException">It is something else.</exception>
    public void ImportChoices(ReadOnlyMemory<byte> json, Action<string> notice)
    {
        Notice = notice;
        IReadOnlyCollection<string> keys = choices.Import(json);
        string[] machines = [.. keys.Select(key => key[..Math.Max(key.IndexOf(": ", StringComparison.Ordinal), 0)]).Distinct()];
        if (machines.Length > 0 && !machines.Contains(Machine))
            notice($"the run's matrix products were chosen for {string.Join(" and ", machines)}; this is {Machine}: they are timed anew, and sums may be rounded otherwise");
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        tuner.Dispose();
        Driver.MakeCurrent();
        _ = Library.Destroy(handle);
    }

    internal MatmulDescription Describe(MatmulProblem problem) => new(Library, handle, problem);
}
