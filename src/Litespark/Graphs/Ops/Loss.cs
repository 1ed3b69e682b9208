namespace Litespark.Graphs.Ops;

/// <summary>
/// Cross-entropy of each token in nats: logits [N, V], targets [N] (int32, −1 = ignored) → token losses [N]
/// (0 where ignored), log-sum-exp [N]. The gradient that arrives is one scalar: the loss is a (scaled) sum.
/// </summary>
public sealed record CrossEntropy : Op
{
    /// <inheritdoc/>
    public override string Name => "cross_entropy";

    /// <inheritdoc/>
    public override IReadOnlyList<TensorType> Infer(IReadOnlyList<Value> inputs)
    {
        var perToken = new TensorType(new Shape(inputs[0].Shape.Rows));
        return [perToken, perToken];
    }

    /// <inheritdoc/>
    public override bool TakesScalarGradient => true;

    /// <inheritdoc/>
    public override void Differentiate(Node node, GradientContext context)
        => context.Add(node.Inputs[0], context.Builder.Apply1(new CrossEntropyGradient(), node.Inputs[0], node.Inputs[1], node.Outputs[1], context.Of(node.Outputs[0])!));
}

/// <summary>(softmax(logits) − one-hot(target)) · scale: logits, targets, log-sum-exp, scale [1] → dLogits.</summary>
public sealed record CrossEntropyGradient : Op
{
    /// <inheritdoc/>
    public override string Name => "cross_entropy_gradient";

    /// <inheritdoc/>
    public override IReadOnlyList<TensorType> Infer(IReadOnlyList<Value> inputs)
        => inputs[3].Shape.Length == 1 ? [inputs[0].Type] : throw new ArgumentException($"{Name}: token losses must be summed as they are; {inputs[3]} is a gradient of its own for each token");

    /// <inheritdoc/>
    public override int InPlaceInput(int output) => 0;
}

/// <summary>Token losses and the logits' gradient at once: logits, targets, scale [1] → token losses [N], dLogits [N, V] in the logits' place.</summary>
public sealed record CrossEntropyWithGradient : Op
{
    /// <inheritdoc/>
    public override string Name => "cross_entropy_with_gradient";

    /// <inheritdoc/>
    public override IReadOnlyList<TensorType> Infer(IReadOnlyList<Value> inputs) => [new(new Shape(inputs[0].Shape.Rows)), inputs[0].Type];

    /// <inheritdoc/>
    public override int InPlaceInput(int output) => output == 1 ? 0 : -1;
}

/// <summary>Sum of all elements, in a fixed order → [1].</summary>
public sealed record Sum : Op
{
    /// <inheritdoc/>
    public override string Name => "sum";

    /// <inheritdoc/>
    public override IReadOnlyList<TensorType> Infer(IReadOnlyList<Value> inputs) => [new(new Shape(1))];

    /// <summary>Every element's gradient is the same scalar. For token losses it stays one, as their gradient takes it; else it is spread out.</summary>
    public override void Differentiate(Node node, GradientContext context)
    {
        (Value x, Value dy, GraphBuilder builder) = (node.Inputs[0], context.Of(node.Output)!, context.Builder);
        if (x.Producer is { Op.TakesScalarGradient: true })
        {
            context.Add(x, dy);
            return;
        }

        Value rows = builder.MatMul(builder.Fill(new Shape(x.Shape.Rows, 1), 1), dy);
        context.Add(x, x.Shape.Columns == 1 ? rows : builder.MatMul(rows, builder.Fill(new Shape(1, x.Shape.Columns), 1)));
    }
}
