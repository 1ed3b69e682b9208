using Litespark.Devices.Cuda.Driver;
using Litespark.Devices.Cuda.Launching;
using Litespark.Graphs.Ops;
using Litespark.Planning;

namespace Litespark.Devices.Cuda.Libraries.Cudnn;

/// <summary>
/// cuDNN on one GPU: its handle, the plans made so far, and which of its engines is the fastest for what: timed when a problem is bound first,
/// or ahead of that, and kept.
/// </summary>
internal sealed class CudnnContext : IDisposable
{
    /// <summary>Memory that scratch must leave free.</summary>
    const long Spare = 256L << 20;

    /// <summary>Engines that are built and timed for a problem.</summary>
    const int MostCandidates = 8;

    readonly Dictionary<AttentionProblem, CudnnEngines> engines = [];
    readonly EngineChoices choices;

    /// <summary>Opens the library.</summary>
    /// <param name="library">Its functions.</param>
    /// <param name="driver">The GPU.</param>
    /// <param name="mode">What it is to be used for.</param>
    /// <param name="choices">Where the fastest engines are kept.</param>
    public CudnnContext(LibCudnn library, ICudaDriver driver, CudnnMode mode = CudnnMode.On, EngineChoices? choices = null)
    {
        (Library, Driver, Mode, this.choices) = (library, driver, mode, choices ?? new EngineChoices());
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

    /// <summary>For how long further engines are built when a problem is bound first; ahead of that all are.</summary>
    public TimeSpan Patience { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>By which patience is measured.</summary>
    public TimeProvider Clock { get; init; } = TimeProvider.System;

    /// <summary>The library's version.</summary>
    public string Version => $"{Library.Number / 10000}.{Library.Number % 10000 / 100}.{Library.Number % 100}";

    /// <summary>Whether it is to be asked for attention at all: not where a window hides tokens, and not for gradients where it is told to leave them.</summary>
    public bool IsFor(AttentionCall call) => !call.HasWindow && !(Mode == CudnnMode.Forward && call.Problem.IsGradient);

    /// <summary>Whether there is a plan for attention of these sizes and for its gradient, rows without gaps; one line each.</summary>
    public IEnumerable<(string Problem, bool IsPlanned, string Outcome)> Try(AttentionGeometry g)
    {
        var strides = new AttentionStrides(g.Heads * g.HeadDim, g.KeyValueHeads * g.HeadDim, g.KeyValueHeads * g.HeadDim, g.Heads * g.HeadDim);
        foreach (AttentionStrides? gradient in (AttentionStrides?[])[null, strides])
        {
            var problem = new AttentionProblem(g, 1 / MathF.Sqrt(g.HeadDim), strides, gradient);
            CudnnPlan? plan = Engines(problem, out string outcome)?.Plans().FirstOrDefault();
            yield return ($"{problem}", plan is not null, plan is null ? Refused(problem, outcome) : Describe(plan));
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Driver.MakeCurrent();
        foreach (CudnnEngines item in engines.Values) item.Dispose();
        engines.Clear();
        Handle.Dispose();
    }

    /// <summary>The plan of a certain engine (<see cref="CudnnPlan.Engine"/>) for a problem, or null; and what to say of it.</summary>
    public (CudnnPlan? Plan, string Outcome) Plan(AttentionProblem problem, string engine)
    {
        CudnnPlan? plan = Engines(problem, out string refusal)?.Plan(engine);
        return (plan, plan is null ? Refused(problem, refusal) : Describe(plan));
    }

    /// <summary>The plan of the engine that is known, or is now found by timing, to be the fastest for a problem; or null; and what to say of it.</summary>
    /// <param name="problem">The problem.</param>
    /// <param name="fits">Whether there is room for what a plan takes; where there is for none, the first is given.</param>
    public (CudnnPlan? Plan, string Outcome) Fastest(AttentionProblem problem, Func<CudnnPlan, bool> fits)
    {
        if (choices.Find(Key(problem)) is { } kept && Engines(problem, out _)?.Plan(kept.Chosen) is { } known && fits(known)) return (known, Describe(known));
        long start = Clock.GetTimestamp();
        IReadOnlyList<CudnnPlan> all = Candidates(problem, Patience, out string outcome);
        bool isWhole = Clock.GetElapsedTime(start) < Patience; // else there may be more, which a later search is to find
        if (all.Count == 0) return (null, outcome);
        CudnnPlan[] fitting = [.. all.Where(fits)];
        if (fitting.Length == 0) return (all[0], Describe(all[0]));
        using CudnnTrial? trial = fitting.Length == 1 ? null : CudnnTrial.Open(this, problem, fitting);
        if (trial is null) return (fitting[0], Describe(fitting[0])); // nothing to choose, or no room to time: cuDNN's own order
        using var timer = new TurnTimer(Driver);
        (CudnnPlan fastest, int timed) = Keep(problem, fitting, timer.Time(trial.Contenders), isWhole && fitting.Length == all.Count);
        return (fastest, $"{Describe(fastest)}, the fastest of {timed}");
    }

    /// <summary>Plans to choose among for a problem, each of another engine, best first by cuDNN's own judgement; where there are none, why.</summary>
    /// <param name="problem">The problem.</param>
    /// <param name="patience">When this has passed no further one is built.</param>
    /// <param name="outcome">Why there are none.</param>
    public IReadOnlyList<CudnnPlan> Candidates(AttentionProblem problem, TimeSpan patience, out string outcome)
    {
        long start = Clock.GetTimestamp();
        var plans = new List<CudnnPlan>();
        CudnnEngines? its = Engines(problem, out string refusal);
        foreach (CudnnPlan plan in its?.Plans() ?? [])
        {
            plans.Add(plan);
            if (plans.Count == MostCandidates || Clock.GetElapsedTime(start) >= patience) break;
        }

        outcome = plans.Count == 0 ? Refused(problem, refusal) : "";
        return plans;
    }

    /// <summary>Keeps the fastest of a problem's plans for later programs and runs; the first where none could run.</summary>
    /// <param name="problem">The problem.</param>
    /// <param name="plans">Its plans.</param>
    /// <param name="milliseconds">Their times; null for one that did not run.</param>
    /// <param name="isWhole">They are all that there are: what is chosen holds for later runs.</param>
    /// <returns>The fastest, and how many ran.</returns>
    public (CudnnPlan Plan, int Timed) Keep(AttentionProblem problem, IReadOnlyList<CudnnPlan> plans, IReadOnlyList<float?> milliseconds, bool isWhole = true)
    {
        (CudnnPlan Plan, float? Milliseconds)[] timed = [.. plans.Zip(milliseconds).Where(item => item.Second is not null).OrderBy(item => item.Second)];
        if (timed.Length == 0) return (plans[0], 0);
        if (timed[0].Plan.Engine is not { } engine) return (timed[0].Plan, timed.Length);
        var choice = new TimedChoice<string>(engine, timed[0].Milliseconds!.Value, timed.Length);
        if (isWhole) choices.Add(Key(problem), choice);
        else choices.Use(Key(problem), choice);
        return (timed[0].Plan, timed.Length);
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

    /// <summary>The engines for a problem, asked for once; null where cuDNN is not to be asked.</summary>
    CudnnEngines? Engines(AttentionProblem problem, out string refusal)
    {
        refusal = problem.Refusal(Library.Number, Driver.Properties.Major) ?? "";
        if (refusal.Length > 0) return null;
        Driver.MakeCurrent(); // plans will be built
        if (engines.TryGetValue(problem, out CudnnEngines? known)) return known;
        try
        {
            return engines[problem] = new CudnnEngines(Library, Handle, AttentionGraphs.Build(Library, problem));
        }
        catch (CudaException error)
        {
            refusal = error.Message;
            return null;
        }
    }

    string Refused(AttentionProblem problem, string refusal) => $"own kernels: {(engines.TryGetValue(problem, out CudnnEngines? known) ? known.Reason : refusal)}";

    string Describe(CudnnPlan plan) => $"cuDNN {Version}, {plan.ScratchBytes / 1e6:0.0} MB of scratch memory{(plan.Engine is null ? "" : $", {plan.Engine}")}";

    string Key(AttentionProblem problem) => $"{Driver.Properties.Name}, cuDNN {Version}: {problem.Key}";
}
