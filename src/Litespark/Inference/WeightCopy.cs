using Litespark.Planning;

namespace Litespark.Inference;

/// <summary>Copies weights from one store to another.</summary>
public static class WeightCopy
{
    /// <summary>
    /// Copies every tensor of <paramref name="to"/>, one in memory at a time: from a training program to a generating one, whatever
    /// layouts they use. Exact to the bit.
    /// </summary>
    /// <exception cref="ArgumentException">The source lacks a tensor or has it in another shape; nothing has been copied then.</exception>
    public static unsafe void CopyWeights(ITensorStore from, ITensorStore to)
    {
        Dictionary<string, TensorInfo> known = from.Tensors.ToDictionary(tensor => tensor.Name);
        foreach (TensorInfo wanted in to.Tensors)
        {
            if (!known.TryGetValue(wanted.Name, out TensorInfo? found)) throw new ArgumentException($"there is no tensor {wanted.Name} to copy", nameof(from));
            if (!found.Shape.SequenceEqual(wanted.Shape))
                throw new ArgumentException($"{wanted.Name} is [{string.Join(", ", found.Shape)}], [{string.Join(", ", wanted.Shape)}] is wanted", nameof(from));
        }

        using var buffer = new NativeBuffer(to.Tensors.Select(tensor => tensor.Length).DefaultIfEmpty().Max() * sizeof(float));
        foreach (TensorInfo tensor in to.Tensors)
        {
            var values = new Span<float>(buffer.Floats, checked((int)tensor.Length));
            from.Read(tensor.Name, values);
            to.Write(tensor.Name, values);
        }
    }
}
