using Litespark.Devices.Cuda.Driver;

namespace Litespark.Devices.Cuda.Libraries.Cudnn;

/// <summary>
/// The engines that cuDNN proposes for a graph, those that give the same bits each time. A plan is built when its engine is asked for
/// first, which may take a second, and stays until the end.
/// </summary>
/// <param name="library">cuDNN's functions.</param>
/// <param name="handle">Its handle.</param>
/// <param name="graph">The graph, which is taken over.</param>
internal sealed class CudnnEngines(LibCudnn library, CudnnHandle handle, CudnnGraph graph) : IDisposable
{
    /// <summary>Where cuDNN's usual proposals give fewer plans than that, its fallback's are asked for too.</summary>
    const int Few = 3;

    const int MostNotes = 32, MostSettings = 64;

    static readonly CudnnHeuristics[] modes = [CudnnHeuristics.A, CudnnHeuristics.Fallback];

    readonly Dictionary<CudnnHeuristics, List<Proposal>> proposals = [];
    CudnnDescriptor? whole;

    /// <summary>Why the last that was asked for, or that cuDNN proposed, did not do.</summary>
    public string Reason { get; private set; } = "cuDNN proposes no engine for it";

    /// <summary>Plans, best first by cuDNN's own judgement, each built when it is looked at.</summary>
    public IEnumerable<CudnnPlan> Plans()
    {
        int built = 0;
        foreach (CudnnHeuristics mode in modes)
        {
            if (built >= Few) yield break;
            foreach (Proposal proposal in Proposals(mode))
                if (Plan(proposal) is { } plan)
                {
                    built++;
                    yield return plan;
                }
        }
    }

    /// <summary>The plan of a certain engine; null where it is not proposed or cannot be built, and <see cref="Reason"/> says which.</summary>
    public CudnnPlan? Plan(string engine)
    {
        if (modes.SelectMany(Proposals).FirstOrDefault(proposal => proposal.Engine == engine) is { } proposal) return Plan(proposal);
        Reason = $"cuDNN does not propose {engine} for it";
        return null;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (Proposal proposal in proposals.Values.SelectMany(list => list))
        {
            proposal.Plan?.Dispose();
            proposal.Configuration.Dispose();
        }

        proposals.Clear();
        graph.Dispose();
    }

    CudnnPlan? Plan(Proposal proposal)
    {
        if (proposal.Plan is not null) return proposal.Plan;
        if (proposal.Refusal is { } refusal)
        {
            Reason = refusal;
            return null;
        }

        var descriptor = new CudnnDescriptor(library, CudnnKind.ExecutionPlan);
        try
        {
            descriptor.Set(CudnnAttribute.PlanHandle, handle).Set(CudnnAttribute.PlanConfiguration, proposal.Configuration).Complete();
            return proposal.Plan = new CudnnPlan(graph, descriptor, proposal.Engine);
        }
        catch (CudaException error)
        {
            descriptor.Dispose();
            Reason = proposal.Refusal = error.Message;
            return null;
        }
    }

    /// <summary>What cuDNN proposes in one of its ways, without what it has proposed in an earlier one.</summary>
    List<Proposal> Proposals(CudnnHeuristics mode)
    {
        if (proposals.TryGetValue(mode, out List<Proposal>? known)) return known;
        HashSet<string?> names = [.. proposals.Values.SelectMany(list => list).Select(proposal => proposal.Engine)];
        List<Proposal> found = proposals[mode] = [];
        foreach (CudnnDescriptor configuration in Configurations(mode))
        {
            string? name = NameOf(configuration);
            if (IsDeterministic(configuration) && (name is null || names.Add(name))) found.Add(new Proposal(configuration, name));
            else configuration.Dispose();
        }

        return found;
    }

    /// <summary>Engines with their settings, best first; none where cuDNN refuses the graph.</summary>
    CudnnDescriptor[] Configurations(CudnnHeuristics mode)
    {
        using var heuristics = new CudnnDescriptor(library, CudnnKind.EngineHeuristics);
        try
        {
            whole ??= graph.Complete(handle);
            heuristics.Set(CudnnAttribute.HeuristicsMode, mode).Set(CudnnAttribute.HeuristicsOperationGraph, whole).Complete();
            return heuristics.Descriptors(CudnnAttribute.HeuristicsResults, CudnnKind.EngineConfiguration);
        }
        catch (CudaException error)
        {
            Reason = error.Message;
            return [];
        }
    }

    bool IsDeterministic(CudnnDescriptor configuration)
    {
        try
        {
            using CudnnDescriptor engine = configuration.Descriptor(CudnnAttribute.ConfigurationEngine, CudnnKind.Engine);
            if (!engine.Numbers(CudnnAttribute.EngineNumericalNote, CudnnAttributeType.NumericalNote, MostNotes).Contains((int)CudnnNote.Nondeterministic)) return true;
            Reason = "the engines that cuDNN proposes do not give the same bits each time";
        }
        catch (CudaException error)
        {
            Reason = error.Message;
        }

        return false;
    }

    static string? NameOf(CudnnDescriptor configuration)
    {
        CudnnDescriptor[] settings = [];
        try
        {
            using CudnnDescriptor engine = configuration.Descriptor(CudnnAttribute.ConfigurationEngine, CudnnKind.Engine);
            settings = configuration.Descriptors(CudnnAttribute.ConfigurationKnobChoices, CudnnKind.KnobChoice, MostSettings);
            return $"eng{engine.Integer(CudnnAttribute.EngineGlobalIndex)}" + string.Concat(settings.Select(Setting));
        }
        catch (CudaException)
        {
            return null; // it can run without a name
        }
        finally
        {
            foreach (CudnnDescriptor setting in settings) setting.Dispose();
        }

        static string Setting(CudnnDescriptor setting)
            => $"_k{setting.Numbers(CudnnAttribute.KnobChoiceType, CudnnAttributeType.KnobType, 1)[0]}={setting.Integer(CudnnAttribute.KnobChoiceValue)}";
    }

    /// <summary>An engine with its settings, and what became of it.</summary>
    sealed class Proposal(CudnnDescriptor configuration, string? engine)
    {
        public CudnnDescriptor Configuration => configuration;

        public string? Engine => engine;

        public CudnnPlan? Plan { get; set; }

        /// <summary>Why it cannot be built.</summary>
        public string? Refusal { get; set; }
    }
}
