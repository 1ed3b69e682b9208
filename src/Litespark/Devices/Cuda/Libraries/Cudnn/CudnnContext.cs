using Litespark.Devices.Cuda.Driver;
using Litespark.Devices.Cuda.Launching;
using Litespark.Graphs.Ops;
using Litespark.Planning;

namespace Litespark.Devices.Cuda.Libraries.Cudnn;

/// <summary>cuDNN on one GPU: its handle, and the plans made so far.</summary>
internal sealed class CudnnContext : IDisposable
{
    /// <summary>Memory that scratch must leave free.</summary>
    const long Spare = 256L << 20;

    readonly Dictionary<(AttentionProblem, string? Engine), (CudnnPlan? Plan, string Text)> outcomes = [];

    /// <summary>Opens the library.</summary>
    /// <param name="library">Its functions.</param>
    /// <param name="driver">The GPU.</param>
    /// <param name="mode">What it is to be used for.</param>
    public CudnnContext(LibCudnn library, ICudaDriver driver, CudnnMode mode = CudnnMode.On)
    {
        (Library, Driver, Mode) = (library, driver, mode);
        Handle = new CudnnHandle(library, driver);
    }

    /// <summary>The library's functions.</summary>
    public LibCudnn Library { get; }

    /// <summary>The GPU.</summary>
    public ICudaDriver Driver { get; }

    /// <summary>cuDNN's handle.</summary>
    public CudnnHandle Handle { get; }

    /// <summary>What it is used for.</summary>
    public CudnnMode Mode { get; }

    /// <summary>The library's version.</summary>
    public string Version => $"{Library.Number / 10000}.{Library.Number % 10000 / 100}.{Library.Number % 100}";

    /// <summary>Whether there is a plan for attention of these sizes and for its gradient, rows without gaps; one line each.</summary>
    public IEnumerable<(string Problem, bool IsPlanned, string Outcome)> Try(AttentionGeometry g)
    {
        var strides = new AttentionStrides(g.Heads * g.HeadDim, g.KeyValueHeads * g.HeadDim, g.KeyValueHeads * g.HeadDim, g.Heads * g.HeadDim);
        foreach (AttentionStrides? gradient in (AttentionStrides?[])[null, strides])
        {
            var problem = new AttentionProblem(g, 1 / MathF.Sqrt(g.HeadDim), strides, gradient);
            (CudnnPlan? plan, string outcome) = Plan(problem);
            yield return ($"{problem}", plan is not null, outcome);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Driver.MakeCurrent();
        foreach ((CudnnPlan? plan, _) in outcomes.Values) plan?.Dispose();
        outcomes.Clear();
        Handle.Dispose();
    }

    /// <summary>The plan for a problem, made once, or null; and what to say of it.</summary>
    /// <param name="problem">The problem.</param>
    /// <param name="engine">The only engine that will do (<see cref="CudnnPlan.Engine"/>); null for the first that cuDNN proposes.</param>
    public (CudnnPlan? Plan, string Outcome) Plan(AttentionProblem problem, string? engine = null)
    {
        if (outcomes.TryGetValue((problem, engine), out (CudnnPlan?, string) known)) return known;
        (CudnnPlan?, string) outcome = problem.Refusal(Library.Number, Driver.Properties.Major) is { } refusal ? (null, $"own kernels: {refusal}") : Make(problem, engine);
        outcomes.Add((problem, engine), outcome);
        return outcome;
    }

    /// <summary>Why there is no room for scratch memory; null where there is.</summary>
    public string? Lack(CudaBinding binding, long bytes)
    {
        if (binding.HasWorkspace(bytes)) return null;
        long free = Driver.FreeMemory();
        return free >= bytes + Spare ? null : $"own kernels: cuDNN would take {bytes / 1e9:0.00} GB of scratch memory, and {free / 1e9:0.00} GB are free";
    }

    /// <summary>
    /// Binds a plan to its operands, bf16 in pieces of 16 bytes as our own kernels want them too. Document starts are not looked at: all of a
    /// sequence is one document.
    /// </summary>
    public ICudaCall Bind(CudnnPlan plan, CudaBinding binding, IEnumerable<Operand> operands)
    {
        Driver.MakeCurrent();
        return new CudnnAttention(this, plan, plan.Pack(Library, [.. operands.Select(binding.Address)], binding.Workspace(plan.ScratchBytes)));
    }

    (CudnnPlan?, string) Make(AttentionProblem problem, string? engine)
    {
        Driver.MakeCurrent();
        try
        {
            CudnnPlan plan = CudnnPlan.Make(Library, Handle, AttentionGraphs.Build(Library, problem), engine);
            return (plan, $"cuDNN {Version}, {plan.ScratchBytes / 1e6:0.0} MB of scratch memory");
        }
        catch (CudaException error)
        {
            return (null, $"own kernels: {error.Message}");
        }
    }
}
