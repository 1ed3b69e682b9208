namespace Litespark.Devices.Cuda.Libraries.Cudnn;

/// <summary>How cuDNN runs a graph: by one of its engines, built for it.</summary>
internal sealed unsafe class CudnnPlan : IDisposable
{
    const int ScratchAlignment = 256;

    readonly CudnnGraph graph;
    readonly CudnnDescriptor descriptor;
    readonly NativeBuffer scalars; // where cuDNN reads them at each run

    /// <summary>Takes over a plan's descriptor, completed.</summary>
    /// <param name="graph">What it runs; lives longer than it.</param>
    /// <param name="descriptor">The plan.</param>
    /// <param name="engine">By which engine.</param>
    public CudnnPlan(CudnnGraph graph, CudnnDescriptor descriptor, string? engine)
    {
        (this.graph, this.descriptor, Engine) = (graph, descriptor, engine);
        LibraryBytes = descriptor.Integer(CudnnAttribute.PlanWorkspaceSize);
        ScratchBytes = graph.Scratch.Sum(item => Aligned(item.Bytes)) + LibraryBytes;
        scalars = new NativeBuffer(Math.Max(graph.Scalars.Count, 1) * sizeof(float));
        for (int i = 0; i < graph.Scalars.Count; i++) scalars.Floats[i] = graph.Scalars[i].Value;
    }

    /// <summary>Scratch memory that a run takes, cuDNN's own and that of the graph's.</summary>
    public long ScratchBytes { get; }

    /// <summary>What cuDNN alone takes of it.</summary>
    public long LibraryBytes { get; }

    /// <summary>Its engine with its settings, as NVIDIA's frontend writes them: <c>eng4_k2=1</c>; null where cuDNN does not say.</summary>
    public string? Engine { get; }

    /// <summary>cuDNN's own handle.</summary>
    public nint Value => descriptor.Value;

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
        scalars.Dispose();
    }

    static long Aligned(long bytes) => (bytes + ScratchAlignment - 1) / ScratchAlignment * ScratchAlignment;
}
