using Litespark.Devices.Cuda.Driver;

namespace Litespark.Devices.Cuda.Libraries.CublasLt;

/// <summary>
/// cuBLASLt on one GPU: its handle, a workspace that the calls of one stream share, and the choice of algorithms.
/// </summary>
internal sealed unsafe class CublasLtContext : IDisposable
{
    /// <summary>What cuBLASLt's algorithms may use beside their operands: NVIDIA's advice for Hopper.</summary>
    public const long WorkspaceBytes = 32L << 20;

    readonly nint handle;
    readonly DeviceMemory workspace;
    readonly MatmulTuner tuner;

    /// <summary>Opens the library.</summary>
    /// <param name="library">Its functions.</param>
    /// <param name="driver">The GPU.</param>
    /// <param name="choices">Where choices are kept.</param>
    public CublasLtContext(LibCublasLt library, ICudaDriver driver, MatmulChoices choices)
    {
        (Library, Driver) = (library, driver);
        driver.MakeCurrent();
        nint created;
        library.Check(library.Create(&created), "cublasLtCreate");
        handle = created;
        workspace = new DeviceMemory(driver, WorkspaceBytes);
        tuner = new MatmulTuner(this, choices, $"{driver.Properties.Name}, cuBLASLt {library.GetVersion()}");
    }

    /// <summary>The library's functions.</summary>
    public LibCublasLt Library { get; }

    /// <summary>The library's version as it gives it.</summary>
    public string Version => $"{Library.GetVersion()}";

    /// <summary>The GPU.</summary>
    public ICudaDriver Driver { get; }

    /// <summary>Address of the workspace.</summary>
    public nint Workspace => workspace.Value;

    /// <summary>
    /// Binds a product to its operands; times algorithms where none is known for such a problem yet, on memory of its own.
    /// Returns null where cuBLASLt has no algorithm for it: another kernel has to do it.
    /// </summary>
    /// <param name="problem">Its alignment is taken from the addresses.</param>
    /// <param name="a">Address of A.</param>
    /// <param name="b">Address of B.</param>
    /// <param name="c">Address of C.</param>
    /// <param name="bias">Address of the bias, or 0.</param>
    /// <param name="alpha">α.</param>
    public CublasLtMatmul? Bind(MatmulProblem problem, nint a, nint b, nint c, nint bias = 0, float alpha = 1)
    {
        if (problem.HasBias != (bias != 0)) throw new ArgumentException($"{problem}: a bias and its address go together", nameof(bias));
        if (!problem.IsSupported) return null;
        problem = problem with { Alignment = MatmulProblem.AlignmentOf(a, b, c, bias) };
        Driver.MakeCurrent();
        MatmulDescription description = Describe(problem);
        try
        {
            if (tuner.Choose(problem, description) is { } algorithm)
            {
                if (problem.HasBias) description.SetBias(bias);
                return new CublasLtMatmul(this, description, algorithm, a, b, c, alpha, problem.Accumulates ? 1 : 0);
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

    /// <inheritdoc/>
    public void Dispose()
    {
        tuner.Dispose();
        workspace.Dispose();
        Driver.MakeCurrent();
        _ = Library.Destroy(handle);
    }

    internal MatmulDescription Describe(MatmulProblem problem) => new(Library, handle, problem);
}
