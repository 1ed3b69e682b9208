using Litespark.Graphs;
using Litespark.Planning;
using Litespark.Planning.Passes;

namespace Litespark.Training.Sparsity;

/// <summary>
/// The attention patterns of a loaded program, layer by layer. Until they are written attention is dense; they may change between any two
/// micro-batches, and plans stay as they are.
/// </summary>
public sealed class LoadedAttention
{
    readonly ILoadedProgram program;
    readonly List<Layer> layers = [];
    readonly PersistentTensor? live;
    readonly float[] shares;

    /// <summary>Finds the attentions of a program that have patterns; none where it was built without.</summary>
    public LoadedAttention(ILoadedProgram program)
    {
        this.program = program;
        IReadOnlyDictionary<string, PersistentTensor> tensors = program.Program.Layout.Tensors;
        while (tensors.TryGetValue(SparseAttention.PatternName(layers.Count), out PersistentTensor? pattern))
            layers.Add(new Layer(pattern, new int[pattern.Type.Shape.Length]));
        live = tensors.GetValueOrDefault(SparseAttention.Live);
        shares = new float[live?.Type.Shape.Length ?? 0];
    }

    /// <summary>Number of attentions; they are numbered in the order of the model.</summary>
    public int LayerCount => layers.Count;

    /// <summary>Query heads of an attention.</summary>
    public int Heads(int layer) => AttentionPatternBuffer.Heads(layers[layer].Buffer.Length);

    /// <summary>Gives the heads of a layer their patterns, one each, and the threshold below which weights may be left out (0: none). Allocates nothing.</summary>
    /// <exception cref="ArgumentException">There is another number of heads, or the threshold is out of range.</exception>
    public void Write(int layer, ReadOnlySpan<AttentionPattern> heads, float threshold = 0)
    {
        AttentionPatternBuffer.Write(heads, threshold, layers[layer].Buffer);
        program.Write<int>(layers[layer].Pattern, 0, layers[layer].Buffer);
    }

    /// <summary>Gives every head of every layer the same pattern.</summary>
    public void WriteAll(in AttentionPattern pattern, float threshold = 0)
    {
        for (int layer = 0; layer < layers.Count; layer++)
        {
            var heads = new AttentionPattern[Heads(layer)];
            Array.Fill(heads, pattern);
            Write(layer, heads, threshold);
        }
    }

    /// <summary>
    /// Mean over the layers and the last step's micro-batches of the share of visible pairs that was computed. Null where attention is not fused: it
    /// masks and leaves out nothing. Allocates nothing.
    /// </summary>
    /// <param name="microBatches">Micro-batches of that step: each has added its share.</param>
    public double? Share(int microBatches)
    {
        if (live is null) return null;
        program.Read<float>(live, 0, shares);
        double sum = 0;
        foreach (float share in shares) sum += share;
        return sum / shares.Length / microBatches;
    }

    sealed record Layer(PersistentTensor Pattern, int[] Buffer);
}
