using Litespark.Devices.Cuda.Driver;
using Litespark.Devices.Cuda.Launching;
using Litespark.Devices.Cuda.Ops;
using Litespark.Graphs.Ops;
using Litespark.Planning;

namespace Litespark.Devices.Cuda.Libraries.Cudnn;

/// <summary>cuDNN on one GPU: its handle, the plans made so far, and what was said where there is none.</summary>
internal sealed class CudnnContext : IDisposable
{
    /// <summary>Memory that scratch must leave free.</summary>
    const long Spare = 256L << 20;

    readonly Dictionary<AttentionProblem, Outcome> outcomes = [];
    readonly OrderedDictionary<string, string> notes = [];

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

    /// <summary>What became of each problem when it was bound last, one line each, in the order in which they came.</summary>
    public IReadOnlyList<string> Notes => [.. notes.Select(note => $"{note.Key}: {note.Value}")];

    /// <summary>
    /// Binds attention: q, k, v → o, log-sum-exp of each row, as the op has them: natural logarithms, float32 [B, H, T]. Null where cuDNN does
    /// not do it; <see cref="Notes"/> says why. Document starts are not looked at: all of a sequence is one document.
    /// </summary>
    public ICudaCall? Attention(CudaBinding binding, KernelCall call, Attention op)
    {
        if (Refuses(op.Window, op.Geometry)) return null;
        (Operand q, Operand k, Operand v, Operand o) = (Rows(binding, call.Inputs[0]), Rows(binding, call.Inputs[1]), Rows(binding, call.Inputs[2]), Rows(binding, call.Outputs[0]));
        var problem = new AttentionProblem(op.Geometry, op.Scale, new AttentionStrides(q.Stride, k.Stride, v.Stride, o.Stride));
        return Bind(binding, problem, binding.Address(q), binding.Address(k), binding.Address(v), binding.Address(o), binding.Address(call.Outputs[1].Contiguous()));
    }

    /// <summary>Binds attention's gradient: q, k, v, o, log-sum-exp, dO → dQ, dK, dV. Null where cuDNN does not do it.</summary>
    public ICudaCall? AttentionGradient(CudaBinding binding, KernelCall call, AttentionGradient op)
    {
        if (Refuses(op.Window, op.Geometry)) return null;
        (Operand q, Operand k, Operand v, Operand o) = (Rows(binding, call.Inputs[0]), Rows(binding, call.Inputs[1]), Rows(binding, call.Inputs[2]), Rows(binding, call.Inputs[3]));
        (Operand dO, Operand dQ, Operand dK, Operand dV) = (Rows(binding, call.Inputs[6]), Rows(binding, call.Outputs[0]), Rows(binding, call.Outputs[1]), Rows(binding, call.Outputs[2]));
        var problem = new AttentionProblem(op.Geometry, op.Scale, new AttentionStrides(q.Stride, k.Stride, v.Stride, o.Stride), new AttentionStrides(dQ.Stride, dK.Stride, dV.Stride, dO.Stride));
        return Bind(binding, problem, binding.Address(q), binding.Address(k), binding.Address(v), binding.Address(o), binding.Address(call.Inputs[4].Contiguous()),
            binding.Address(dO), binding.Address(dQ), binding.Address(dK), binding.Address(dV));
    }

    /// <summary>Whether there is a plan for attention of these sizes and for its gradient, rows without gaps; one line each.</summary>
    public IEnumerable<(string Problem, bool IsPlanned, string Outcome)> Try(AttentionGeometry g)
    {
        var strides = new AttentionStrides(g.Heads * g.HeadDim, g.KeyValueHeads * g.HeadDim, g.KeyValueHeads * g.HeadDim, g.Heads * g.HeadDim);
        foreach (AttentionStrides? gradient in (AttentionStrides?[])[null, strides])
        {
            var problem = new AttentionProblem(g, 1 / MathF.Sqrt(g.HeadDim), strides, gradient);
            Outcome outcome = Plan(problem);
            yield return ($"{problem}", outcome.Plan is not null, outcome.Text);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Driver.MakeCurrent();
        foreach (Outcome outcome in outcomes.Values) outcome.Plan?.Dispose();
        outcomes.Clear();
        Handle.Dispose();
    }

    /// <summary>Operands as our own kernels want them too: bf16 in pieces of 16 bytes.</summary>
    static Operand Rows(CudaBinding binding, Operand operand) => AttentionOps.Rows(binding, operand);

    bool Refuses(int window, AttentionGeometry g)
    {
        if (window <= 0 || window >= g.SequenceLength) return false;
        notes[$"attention with a window of {window} of {g.SequenceLength} tokens"] = "own kernels";
        return true;
    }

    CudnnAttention? Bind(CudaBinding binding, AttentionProblem problem, params ReadOnlySpan<nint> operands)
    {
        if (Mode == CudnnMode.Forward && problem.IsGradient)
        {
            notes[$"{problem}"] = $"own kernels, as {CudnnModes.Variable}=forward says";
            return null;
        }

        Driver.MakeCurrent();
        Outcome outcome = Plan(problem);
        string? lack = outcome.Plan is { } made ? Lack(binding, made.ScratchBytes) : null;
        notes[$"{problem}"] = lack ?? outcome.Text;
        return lack is null && outcome.Plan is { } plan ? new CudnnAttention(this, plan, plan.Pack(Library, operands, binding.Workspace(plan.ScratchBytes))) : null;
    }

    /// <summary>Why there is no room for scratch memory; null where there is.</summary>
    string? Lack(CudaBinding binding, long bytes)
    {
        if (binding.HasWorkspace(bytes)) return null;
        long free = Driver.FreeMemory();
        return free >= bytes + Spare ? null : $"own kernels: cuDNN would take {bytes / 1e9:0.00} GB of scratch memory, and {free / 1e9:0.00} GB are free";
    }

    Outcome Plan(AttentionProblem problem)
    {
        if (outcomes.TryGetValue(problem, out Outcome? known)) return known;
        Outcome outcome = problem.Refusal(Library.Number, Driver.Properties.Major) is { } refusal ? new Outcome(null, $"own kernels: {refusal}") : Make(problem);
        outcomes.Add(problem, outcome);
        return outcome;
    }

    Outcome Make(AttentionProblem problem)
    {
        Driver.MakeCurrent();
        try
        {
            CudnnPlan plan = CudnnPlan.Make(Library, Handle, AttentionGraphs.Build(Library, problem));
            return new Outcome(plan, $"cuDNN {Version}, {plan.ScratchBytes / 1e6:0.0} MB of scratch memory");
        }
        catch (CudaException error)
        {
            return new Outcome(null, $"own kernels: {error.Message}");
        }
    }

    sealed record Outcome(CudnnPlan? Plan, string Text);
}
