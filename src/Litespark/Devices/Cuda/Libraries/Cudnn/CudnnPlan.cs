using Litespark.Devices.Cuda.Driver;

namespace Litespark.Devices.Cuda.Libraries.Cudnn;

/// <summary>How cuDNN runs a graph: the first engine that it proposes, that gives the same bits each time, and that it can build.</summary>
internal sealed unsafe class CudnnPlan : IDisposable
{
    const int ScratchAlignment = 256, MostNotes = 32, MostSettings = 64;

    readonly CudnnGraph graph;
    readonly CudnnDescriptor configuration, descriptor;
    readonly NativeBuffer scalars; // where cuDNN reads them at each run

    CudnnPlan(CudnnGraph graph, CudnnDescriptor configuration, CudnnDescriptor descriptor)
    {
        (this.graph, this.configuration, this.descriptor, Engine) = (graph, configuration, descriptor, NameOf(configuration));
        scalars = new NativeBuffer(Math.Max(graph.Scalars.Count, 1) * sizeof(float));
        for (int i = 0; i < graph.Scalars.Count; i++) scalars.Floats[i] = graph.Scalars[i].Value;
        LibraryBytes = descriptor.Integer(CudnnAttribute.PlanWorkspaceSize);
        ScratchBytes = graph.Scratch.Sum(item => Aligned(item.Bytes)) + LibraryBytes;
    }

    /// <summary>Scratch memory that a run takes, cuDNN's own and that of the graph's.</summary>
    public long ScratchBytes { get; }

    /// <summary>What cuDNN alone takes of it.</summary>
    public long LibraryBytes { get; }

    /// <summary>Its engine with its settings, as NVIDIA's frontend writes them: <c>eng4_k2=1</c>; null where cuDNN does not say.</summary>
    public string? Engine { get; }

    /// <summary>cuDNN's own handle.</summary>
    public nint Value => descriptor.Value;

    /// <summary>Makes a plan for a graph, which it takes over.</summary>
    /// <param name="library">cuDNN's functions.</param>
    /// <param name="handle">Its handle.</param>
    /// <param name="graph">The graph.</param>
    /// <param name="engine">The only <see cref="Engine"/> that will do, or null.</param>
    /// <exception cref="CudaException">cuDNN has none; the message says why the last that it proposed did not do.</exception>
    public static CudnnPlan Make(LibCudnn library, CudnnHandle handle, CudnnGraph graph, string? engine = null)
    {
        try
        {
            CudnnDescriptor whole = graph.Complete(handle);
            string reason = engine is null ? "cuDNN proposes no engine for it" : $"cuDNN does not propose {engine} for it";
            foreach (CudnnHeuristics mode in (CudnnHeuristics[])[CudnnHeuristics.A, CudnnHeuristics.Fallback])
            {
                if (First(library, handle, whole, mode, engine, ref reason) is { } found) return new CudnnPlan(graph, found.Configuration, found.Plan);
            }

            throw new CudaException(reason);
        }
        catch
        {
            graph.Dispose();
            throw;
        }
    }

    /// <summary>A run's memory: operands in the graph's order, and scratch memory, 256-byte aligned.</summary>
    public CudnnDescriptor Pack(LibCudnn library, ReadOnlySpan<nint> operands, nint scratch)
    {
        if (operands.Length != graph.Operands.Count) throw new ArgumentException($"{operands.Length} addresses for {graph.Operands.Count} operands", nameof(operands));
        List<long> ids = [.. graph.Operands.Select(tensor => tensor.Id), .. graph.Scalars.Select(item => item.Tensor.Id), .. graph.Scratch.Select(item => item.Tensor.Id)];
        List<nint> pointers = [.. operands, .. graph.Scalars.Select((_, i) => (nint)(scalars.Floats + i))];
        foreach ((_, long bytes) in graph.Scratch)
        {
            pointers.Add(scratch);
            scratch += (nint)Aligned(bytes);
        }

        var pack = new CudnnDescriptor(library, CudnnKind.VariantPack);
        try
        {
            return pack.Set(CudnnAttribute.PackUniqueIds, [.. ids]).SetPointers(CudnnAttribute.PackDataPointers, [.. pointers]).SetPointers(CudnnAttribute.PackWorkspace, scratch).Complete();
        }
        catch
        {
            pack.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        descriptor.Dispose();
        configuration.Dispose();
        graph.Dispose();
        scalars.Dispose();
    }

    static (CudnnDescriptor Configuration, CudnnDescriptor Plan)? First(LibCudnn library, CudnnHandle handle, CudnnDescriptor graph, CudnnHeuristics mode, string? engine, ref string reason)
    {
        CudnnDescriptor[] configurations = Proposed(library, graph, mode, ref reason);
        int taken = -1;
        try
        {
            for (int i = 0; i < configurations.Length; i++)
            {
                CudnnDescriptor? plan = null;
                try
                {
                    if (engine is not null && NameOf(configurations[i]) != engine) continue;
                    if (!IsDeterministic(configurations[i]))
                    {
                        reason = "the engines that cuDNN proposes do not give the same bits each time";
                        continue;
                    }

                    plan = new CudnnDescriptor(library, CudnnKind.ExecutionPlan);
                    plan.Set(CudnnAttribute.PlanHandle, handle).Set(CudnnAttribute.PlanConfiguration, configurations[i]).Complete();
                    taken = i;
                    return (configurations[i], plan);
                }
                catch (CudaException error)
                {
                    reason = error.Message;
                    plan?.Dispose();
                }
            }

            return null;
        }
        finally
        {
            for (int i = 0; i < configurations.Length; i++)
                if (i != taken) configurations[i].Dispose();
        }
    }

    /// <summary>Engines with their settings, best first; none where cuDNN refuses the graph.</summary>
    static CudnnDescriptor[] Proposed(LibCudnn library, CudnnDescriptor graph, CudnnHeuristics mode, ref string reason)
    {
        using var heuristics = new CudnnDescriptor(library, CudnnKind.EngineHeuristics);
        try
        {
            heuristics.Set(CudnnAttribute.HeuristicsMode, mode).Set(CudnnAttribute.HeuristicsOperationGraph, graph).Complete();
            return heuristics.Descriptors(CudnnAttribute.HeuristicsResults, CudnnKind.EngineConfiguration);
        }
        catch (CudaException error)
        {
            reason = error.Message;
            return [];
        }
    }

    static bool IsDeterministic(CudnnDescriptor configuration)
    {
        using CudnnDescriptor engine = configuration.Descriptor(CudnnAttribute.ConfigurationEngine, CudnnKind.Engine);
        return !engine.Numbers(CudnnAttribute.EngineNumericalNote, CudnnAttributeType.NumericalNote, MostNotes).Contains((int)CudnnNote.Nondeterministic);
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

    static long Aligned(long bytes) => (bytes + ScratchAlignment - 1) / ScratchAlignment * ScratchAlignment;
}
