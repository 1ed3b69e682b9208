using Litespark.Models;

namespace Litespark.Benchmarks.Measuring;

/// <summary>A model and a micro-batch that benchmarks use.</summary>
/// <param name="Name">The size as the command line spells it.</param>
/// <param name="Spec">The architecture.</param>
/// <param name="MicroBatch">Sequences.</param>
/// <param name="SequenceLength">Tokens of a sequence.</param>
internal sealed record ModelShape(string Name, TransformerSpec Spec, int MicroBatch, int SequenceLength)
{
    /// <summary>Sizes of training steps, by name.</summary>
    public static readonly IReadOnlyList<ModelShape> All = [Of("15m", 8, 256), Of("110m", 2, 512)];

    /// <summary>Tokens of the micro-batch.</summary>
    public int Tokens => MicroBatch * SequenceLength;

    /// <summary>The preset's name.</summary>
    public string Preset => "llama-" + Name;

    /// <summary>The shapes of a size, or of all.</summary>
    /// <exception cref="UserErrorException">There is no such size.</exception>
    public static IReadOnlyList<ModelShape> Select(string size) => size == "all" ? All
        : All.Where(shape => shape.Name == size).ToArray() is { Length: > 0 } found ? found
        : throw new UserErrorException($"--size: expected {string.Join(", ", All.Select(shape => shape.Name))} or all, found '{size}'.");

    /// <summary>A preset with a micro-batch.</summary>
    public static ModelShape Of(string name, int microBatch, int sequenceLength) => new(name, ModelPresets.Get("llama-" + name), microBatch, sequenceLength);
}
