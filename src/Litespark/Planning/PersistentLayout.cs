using Litespark.Graphs;

namespace Litespark.Planning;

/// <summary>What persistent memory is used for; the lines of the memory table.</summary>
public enum MemoryCategory
{
    /// <summary>Parameters.</summary>
    Weights,

    /// <summary>Parameters' gradients.</summary>
    Gradients,

    /// <summary>Optimiser moments.</summary>
    Optimizer,

    /// <summary>Inputs, constants and results.</summary>
    Exchange,

    /// <summary>Key/value caches.</summary>
    Cache,
}

/// <summary>A tensor in the persistent arena.</summary>
/// <param name="Name">Unique name.</param>
/// <param name="Category">What it is for.</param>
/// <param name="Type">Shape and element type; contiguous.</param>
/// <param name="Offset">Bytes from the arena's start.</param>
public sealed record PersistentTensor(string Name, MemoryCategory Category, TensorType Type, long Offset)
{
    /// <summary>Size in bytes.</summary>
    public long Bytes => Type.Shape.Length * Type.DataType.Size();
}

/// <summary>
/// Places tensors one after the other in the persistent arena, each padded to a multiple of some elements: in lists of the
/// same parameters (weights, their gradients, moments, in whatever element types) the same element has the same index, so that
/// one kernel call can walk through them all side by side.
/// </summary>
/// <param name="paddingElements">What element counts are rounded up to.</param>
public sealed class PersistentLayout(int paddingElements = PersistentLayout.CacheLineElements)
{
    /// <summary>Float32 values in a cache line, or in the widest register.</summary>
    public const int CacheLineElements = 16;

    /// <summary>Alignment of what is planned in bytes: a cache line, the widest register.</summary>
    internal const int Alignment = 64;

    readonly Dictionary<string, PersistentTensor> tensors = [];
    readonly HashSet<string> views = [];

    /// <summary>Size of the arena.</summary>
    public long Bytes { get; private set; }

    /// <summary>All tensors by name.</summary>
    public IReadOnlyDictionary<string, PersistentTensor> Tensors => tensors;

    /// <summary>The tensor of a name.</summary>
    public PersistentTensor this[string name] => tensors.TryGetValue(name, out PersistentTensor? tensor) ? tensor : throw new KeyNotFoundException($"no persistent tensor {name}");

    /// <summary>Adds a tensor at the end, or returns the one of that name if shape and type are the same.</summary>
    public PersistentTensor Add(string name, MemoryCategory category, TensorType type)
    {
        if (tensors.TryGetValue(name, out PersistentTensor? known))
            return known.Type == type ? known : throw new InvalidOperationException($"{name} is {known.Type.Shape}, not {type.Shape}");
        var tensor = new PersistentTensor(name, category, type, Bytes);
        tensors[name] = tensor;
        Bytes += PaddedBytes(tensor);
        return tensor;
    }

    /// <summary>A view [n, 16] over neighbours of one type that were added one after the other, padding included.</summary>
    public PersistentTensor AddView(string name, PersistentTensor first, PersistentTensor last)
    {
        var shape = new Shape(checked((int)ViewRows(first, last)), CacheLineElements);
        views.Add(name);
        return tensors[name] = new PersistentTensor(name, first.Category, first.Type.Of(shape), first.Offset);
    }

    /// <summary>Whether one view can hold all from one tensor to another: its rows must be countable, some 34 billion elements.</summary>
    public bool FitsView(PersistentTensor first, PersistentTensor last) => ViewRows(first, last) <= int.MaxValue;

    long ViewRows(PersistentTensor first, PersistentTensor last)
        => (last.Offset + PaddedBytes(last) - first.Offset) / first.Type.DataType.Size() / CacheLineElements;

    /// <summary>Bytes of one category, alignment included.</summary>
    public long BytesOf(MemoryCategory category)
        => tensors.Values.Where(tensor => tensor.Category == category && !views.Contains(tensor.Name)).Sum(PaddedBytes);

    long PaddedBytes(PersistentTensor tensor)
        => (tensor.Type.Shape.Length + paddingElements - 1) / paddingElements * paddingElements * tensor.Type.DataType.Size();

    internal static long Align(long bytes) => (bytes + Alignment - 1) / Alignment * Alignment;
}
