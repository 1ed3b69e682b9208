using Litespark.Graphs.Ops;

namespace Litespark.Graphs;

/// <summary>
/// What a model function builds into: the token inputs, and an attention that is the right one for training or for
/// generation. A model is a function from a context to logits [N, V]; it needs to know nothing else.
/// </summary>
public abstract class ModelContext
{
    /// <summary>Creates the inputs that all contexts have.</summary>
    protected ModelContext(GraphBuilder builder, int sequences, int sequenceLength)
    {
        Builder = builder;
        Sequences = sequences;
        SequenceLength = sequenceLength;
        var shape = new Shape(sequences * sequenceLength);
        Tokens = builder.Input("tokens", shape, DataType.Int32);
        Positions = builder.Input("positions", shape, DataType.Int32);
    }

    /// <summary>Adds ops.</summary>
    public GraphBuilder Builder { get; }

    /// <summary>Sequences side by side.</summary>
    public int Sequences { get; }

    /// <summary>Tokens of each sequence.</summary>
    public int SequenceLength { get; }

    /// <summary>Positions that occur: 0 … limit − 1.</summary>
    public abstract int PositionLimit { get; }

    /// <summary>Token ids [N].</summary>
    public Value Tokens { get; }

    /// <summary>Position of each token in its document [N].</summary>
    public Value Positions { get; }

    /// <summary>Causal attention of one layer: q [N, H·K], k and v [N, KV·K] → [N, H·K].</summary>
    /// <param name="layer">Layer number, which names the cache in generation.</param>
    /// <param name="q">Queries.</param>
    /// <param name="k">Keys.</param>
    /// <param name="v">Values.</param>
    /// <param name="headDim">Width of a head.</param>
    /// <param name="window">Keys that a query sees, itself included; 0 = all.</param>
    /// <param name="scale">Factor on the scores; 0 = 1/√K.</param>
    public abstract Value Attention(int layer, Value q, Value k, Value v, int headDim, int window = 0, double scale = 0);

    /// <summary>The rows of the last hidden state that logits are wanted for; call it just before the output head.</summary>
    public abstract Value RowsForLogits(Value hidden);
}

/// <summary>Training and evaluation: all tokens at once, document masks, logits for every token.</summary>
public sealed class TrainingContext : ModelContext
{
    /// <summary>Creates the inputs.</summary>
    public TrainingContext(GraphBuilder builder, int sequences, int sequenceLength) : base(builder, sequences, sequenceLength)
    {
        DocumentStarts = builder.Input("document_starts", Tokens.Shape, DataType.Int32);
        Targets = builder.Input("targets", Tokens.Shape, DataType.Int32);
    }

    /// <summary>For each token the first index of its sequence that it may see [N].</summary>
    public Value DocumentStarts { get; }

    /// <summary>The token to predict [N]; −1 = none.</summary>
    public Value Targets { get; }

    /// <inheritdoc/>
    public override int PositionLimit => SequenceLength;

    /// <inheritdoc/>
    public override Value Attention(int layer, Value q, Value k, Value v, int headDim, int window = 0, double scale = 0)
    {
        var geometry = new AttentionGeometry(Sequences, SequenceLength, q.Shape.Columns / headDim, k.Shape.Columns / headDim, headDim);
        return Builder.Attention(q, k, v, DocumentStarts, geometry, window, scale);
    }

    /// <inheritdoc/>
    public override Value RowsForLogits(Value hidden) => hidden;
}

/// <summary>Generation: M new tokens of one sequence against key/value caches; logits for one row.</summary>
public sealed class GenerationContext : ModelContext
{
    readonly int capacity;
    readonly Value row;

    /// <summary>Creates the inputs; caches hold <paramref name="capacity"/> tokens.</summary>
    public GenerationContext(GraphBuilder builder, int newTokens, int capacity) : base(builder, 1, newTokens)
    {
        this.capacity = capacity;
        row = builder.Input("logits_row", new Shape(1), DataType.Int32);
    }

    /// <inheritdoc/>
    public override int PositionLimit => capacity;

    /// <inheritdoc/>
    public override Value Attention(int layer, Value q, Value k, Value v, int headDim, int window = 0, double scale = 0)
    {
        var shape = new Shape(capacity, k.Shape.Columns);
        Value keys = Builder.State($"cache/{layer}/k", shape, Builder.Precision), values = Builder.State($"cache/{layer}/v", shape, Builder.Precision);
        var op = new CachedAttention(q.Shape.Columns / headDim, k.Shape.Columns / headDim, headDim, window, (float)(scale == 0 ? 1 / Math.Sqrt(headDim) : scale));
        return Builder.Apply1(op, q, k, v, Positions, keys, values);
    }

    /// <inheritdoc/>
    public override Value RowsForLogits(Value hidden) => SequenceLength == 1 ? hidden : Builder.Embedding(row, hidden);
}
