namespace Litespark.Planning;

/// <summary>Name and shape of a tensor, as Hugging Face's model folders name and shape it.</summary>
public sealed record TensorInfo(string Name, IReadOnlyList<int> Shape)
{
    /// <summary>Number of elements.</summary>
    public long Length => Shape.Aggregate(1L, (product, size) => product * size);
}

/// <summary>
/// Tensors by canonical name, whatever layout and memory they are stored in: what checkpoints, export and import speak to.
/// Values are fp32; reading and writing back is exact to the bit.
/// </summary>
public interface ITensorStore
{
    /// <summary>The tensors in canonical order.</summary>
    IReadOnlyList<TensorInfo> Tensors { get; }

    /// <summary>Copies a tensor, row-major, into <paramref name="destination"/> (exactly its length).</summary>
    void Read(string name, Span<float> destination);

    /// <summary>Replaces a tensor's values, row-major.</summary>
    void Write(string name, ReadOnlySpan<float> source);
}
