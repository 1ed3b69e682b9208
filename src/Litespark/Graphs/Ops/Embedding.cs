namespace Litespark.Graphs.Ops;

/// <summary>Row lookup: indices [N] (int32), table [V, D] → [N, D].</summary>
public sealed record Embedding : Op
{
    /// <inheritdoc/>
    public override string Name => "embedding";

    /// <inheritdoc/>
    public override IReadOnlyList<TensorType> Infer(IReadOnlyList<Value> inputs)
        => [inputs[1].Type.Of(new Shape(inputs[0].Shape.Rows, inputs[1].Shape.Columns))];

    /// <inheritdoc/>
    public override void Differentiate(Node node, GradientContext context)
    {
        Value table = node.Inputs[1];
        if (context.Needs(table))
            context.Add(table, context.Builder.Apply1(new EmbeddingGradient(table.Shape.Rows), node.Inputs[0], context.Of(node.Output)!));
    }

    /// <inheritdoc/>
    public override bool CanAccumulate(int output) => true;
}

/// <summary>Adds each row of dy [N, D] to the row of a [V, D] table (float32) that its index names.</summary>
public sealed record EmbeddingGradient(int TableRows) : Op
{
    /// <inheritdoc/>
    public override string Name => "embedding_gradient";

    /// <inheritdoc/>
    public override IReadOnlyList<TensorType> Infer(IReadOnlyList<Value> inputs)
        => [new TensorType(new Shape(TableRows, inputs[1].Shape.Columns))];

    /// <inheritdoc/>
    public override bool CanAccumulate(int output) => true;
}
