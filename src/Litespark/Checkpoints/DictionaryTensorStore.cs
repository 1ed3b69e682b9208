using Litespark.Planning;

namespace Litespark.Checkpoints;

/// <summary>Tensors in managed arrays: for tests, conversions and small state.</summary>
public sealed class DictionaryTensorStore : ITensorStore
{
    readonly List<TensorInfo> _tensors = [];
    readonly Dictionary<string, float[]> _values = [];

    /// <summary>An empty store.</summary>
    public DictionaryTensorStore() { }

    /// <summary>A store of zeros.</summary>
    public DictionaryTensorStore(IEnumerable<TensorInfo> tensors)
    {
        ArgumentNullException.ThrowIfNull(tensors);
        foreach (TensorInfo tensor in tensors)
            Add(tensor, new float[tensor.Length]);
    }

    /// <inheritdoc/>
    public IReadOnlyList<TensorInfo> Tensors => _tensors;

    /// <summary>The values of a tensor, row-major.</summary>
    public float[] this[string name] => _values[name];

    /// <summary>Adds a tensor; the array is used, not copied.</summary>
    /// <exception cref="ArgumentException">The length does not match the shape, or the name is taken.</exception>
    public void Add(TensorInfo tensor, float[] values)
    {
        ArgumentNullException.ThrowIfNull(tensor);
        ArgumentNullException.ThrowIfNull(values);
        if (values.Length != tensor.Length)
            throw new ArgumentException($"{tensor.Name} has {tensor.Length} elements, not {values.Length}.", nameof(values));
        _values.Add(tensor.Name, values);
        _tensors.Add(tensor);
    }

    /// <inheritdoc/>
    public void Read(string name, Span<float> destination) => Exact(name, destination.Length).CopyTo(destination);

    /// <inheritdoc/>
    public void Write(string name, ReadOnlySpan<float> source) => source.CopyTo(Exact(name, source.Length));

    float[] Exact(string name, int length)
    {
        float[] values = _values[name];
        return values.Length == length ? values : throw new ArgumentException($"{name} has {values.Length} elements, not {length}.");
    }
}
