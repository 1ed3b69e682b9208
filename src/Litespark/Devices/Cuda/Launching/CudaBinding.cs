using System.Numerics;
using Litespark.Devices.Cuda.Compilation;
using Litespark.Devices.Cuda.Driver;
using Litespark.Devices.Cuda.Ops;
using Litespark.Graphs;
using Litespark.Planning;

namespace Litespark.Devices.Cuda.Launching;

/// <summary>
/// What is at hand when a plan's calls are bound: the kernels and where operands lie. Calls of one stream run one after the
/// other, so they share one workspace; what it holds is gone after the call. Launches and memory are the binding's: where a later one
/// fails, those before it are given back with it.
/// </summary>
internal sealed class CudaBinding(KernelLibrary kernels, nint persistent, nint transient) : IDisposable
{
    const long SmallestWorkspace = 1 << 20, LargestDoubling = 64 << 20, Step = 2 << 20;

    readonly List<KernelLaunch> launches = [];
    readonly List<DeviceMemory> workspaces = [];
    readonly Dictionary<BlockGrid, DeviceMemory> rowStarts = [];
    DeviceMemory? counter;

    /// <summary>What is known of the documents in the program's rows.</summary>
    public DocumentWatch Documents { get; } = new();

    /// <summary>How memory-bound kernels share out their work.</summary>
    public MemoryForm Form { get; init; } = MemoryForm.Usual;

    /// <summary>Scratch memory that is known to be asked for: one piece for all calls, where it can be had.</summary>
    public long Scratch { get; init; }

    /// <summary>The driver.</summary>
    public ICudaDriver Driver => kernels.Driver;

    /// <summary>The GPU.</summary>
    public GpuProperties Gpu => kernels.Driver.Properties;

    /// <summary>Where an operand lies on the GPU.</summary>
    public nint Address(Operand operand) => (operand.Arena == ArenaKind.Persistent ? persistent : transient) + (nint)operand.Offset;

    /// <summary>Macro that names an operand's element type.</summary>
    public static string Element(DataType type, string macro = "ELEMENT") => macro + type switch
    {
        DataType.BFloat16 => "=bf16",
        DataType.Float32 => "=float",
        _ => throw new ArgumentException($"kernels have no elements of type {type}", nameof(type)),
    };

    /// <summary>Launches bound so far.</summary>
    public IReadOnlyList<KernelLaunch> Launches => launches;

    /// <summary>Binds a kernel to its shape and arguments.</summary>
    public KernelLaunch Launch(KernelVariant variant, string kernel, LaunchShape shape, params ReadOnlySpan<KernelArgument> arguments)
    {
        var launch = new KernelLaunch(Driver, kernels.Function(variant, kernel), shape, arguments);
        launches.Add(launch);
        return launch;
    }

    /// <summary>Address of scratch memory for a call; a call that asks for more than there is gets a longer piece, those before it keep theirs.</summary>
    public nint Workspace(long bytes)
    {
        if (!HasWorkspace(bytes))
            workspaces.Add(new DeviceMemory(Driver, bytes <= Scratch && HasRoom(Scratch) ? Scratch : Rounded(Math.Max(bytes, SmallestWorkspace))));
        return workspaces[^1].Value;
    }

    /// <summary>Whether there is that much scratch memory already, or it can be had.</summary>
    public bool HasRoom(long bytes) => HasWorkspace(bytes) || Driver.FreeMemory() >= bytes + Step;

    /// <summary>Whether there is that much already.</summary>
    public bool HasWorkspace(long bytes) => workspaces.Count > 0 && workspaces[^1].ByteLength >= bytes;

    /// <summary>Address of an integer that is zero before each call, and after it: kernels draw their work from it.</summary>
    public nint Counter()
    {
        if (counter is not null) return counter.Value;
        using var stream = new CudaStream(Driver);
        counter = new DeviceMemory(Driver, sizeof(int));
        Driver.Clear(counter.Value, sizeof(int), stream.Value);
        stream.Synchronize();
        return counter.Value;
    }

    /// <summary>Address of a grid's boundaries of block rows, int32: one piece for all calls over such a grid.</summary>
    public unsafe nint RowStarts(BlockGrid grid)
    {
        if (rowStarts.TryGetValue(grid, out DeviceMemory? known)) return known.Value;
        long bytes = (long)grid.RowStarts.Count * sizeof(int);
        using var stream = new CudaStream(Driver);
        using var host = new PinnedMemory(Driver, bytes);
        for (int i = 0; i < grid.RowStarts.Count; i++) ((int*)host.Value)[i] = grid.RowStarts[i];
        DeviceMemory memory = rowStarts[grid] = new DeviceMemory(Driver, bytes);
        Driver.CopyToDevice(memory.Value, host.Value, bytes, stream.Value);
        stream.Synchronize();
        return memory.Value;
    }

    /// <summary>Small pieces grow by doubling, so that few are left behind; of large ones nothing is to be wasted.</summary>
    static long Rounded(long bytes) => bytes <= LargestDoubling ? (long)BitOperations.RoundUpToPowerOf2((ulong)bytes) : (bytes + Step - 1) / Step * Step;

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (KernelLaunch launch in launches) launch.Dispose();
        foreach (DeviceMemory memory in workspaces) memory.Dispose();
        workspaces.Clear();
        foreach (DeviceMemory memory in rowStarts.Values) memory.Dispose();
        rowStarts.Clear();
        counter?.Dispose();
        counter = null;
    }
}
