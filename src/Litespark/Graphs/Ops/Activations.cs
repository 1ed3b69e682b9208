namespace Litespark.Graphs.Ops;

/// <summary>Element-wise non-linearity.</summary>
public sealed record Activation(ActivationKind Kind) : Op
{
    /// <inheritdoc/>
    public override string Name => "activation";

    /// <inheritdoc/>
    public override IReadOnlyList<TensorType> Infer(IReadOnlyList<Value> inputs) => [inputs[0].Type];

    /// <inheritdoc/>
    public override void Differentiate(Node node, GradientContext context)
        => context.Add(node.Inputs[0], context.Builder.Apply1(new ActivationGradient(Kind), context.Of(node.Output)!, node.Inputs[0]));

    /// <inheritdoc/>
    public override int InPlaceInput(int output) => 0;

    /// <inheritdoc/>
    public override bool IsCheap(int output) => true;
}

/// <summary>dx = dy ∘ f'(x): dy, x → dx.</summary>
public sealed record ActivationGradient(ActivationKind Kind) : Op
{
    /// <inheritdoc/>
    public override string Name => "activation_gradient";

    /// <inheritdoc/>
    public override IReadOnlyList<TensorType> Infer(IReadOnlyList<Value> inputs) => [inputs[0].Type];

    /// <inheritdoc/>
    public override int InPlaceInput(int output) => 0;
}

/// <summary>
/// Gated linear unit (Shazeer 2020; SwiGLU for SiLU): f(gate) ∘ up, with gate and up side by side in one [N, 2F] operand → [N, F].
/// </summary>
public sealed record GatedActivation(ActivationKind Kind) : Op
{
    /// <inheritdoc/>
    public override string Name => "gated_activation";

    /// <inheritdoc/>
    public override IReadOnlyList<TensorType> Infer(IReadOnlyList<Value> inputs)
        => [inputs[0].Type.Of(new Shape(inputs[0].Shape.Rows, inputs[0].Shape.Columns / 2))];

    /// <inheritdoc/>
    public override void Differentiate(Node node, GradientContext context)
        => context.Add(node.Inputs[0], context.Builder.Apply1(new GatedActivationGradient(Kind), context.Of(node.Output)!, node.Inputs[0]));

    /// <inheritdoc/>
    public override bool IsCheap(int output) => true;

    /// <inheritdoc/>
    public override IReadOnlyList<Value?>? Decompose(GraphBuilder builder, Node node)
    {
        int width = node.Output.Shape.Columns;
        Value gate = builder.Slice(node.Inputs[0], 1, 0, width), up = builder.Slice(node.Inputs[0], 1, width, width);
        return [builder.Multiply(builder.Activation(gate, Kind), up)];
    }
}

/// <summary>Gradient of <see cref="GatedActivation"/>: dh [N, F], gate and up [N, 2F] → their gradients [N, 2F].</summary>
public sealed record GatedActivationGradient(ActivationKind Kind) : Op
{
    /// <inheritdoc/>
    public override string Name => "gated_activation_gradient";

    /// <inheritdoc/>
    public override IReadOnlyList<TensorType> Infer(IReadOnlyList<Value> inputs) => [inputs[1].Type];

    /// <inheritdoc/>
    public override int InPlaceInput(int output) => 1;
}
