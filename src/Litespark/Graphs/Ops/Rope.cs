namespace Litespark.Graphs.Ops;

/// <summary>
/// Rotary position embedding (Su et al. 2021) in Hugging Face's half-split convention: columns i and i + RotaryDim/2 of
/// each head are rotated by the angle of their position. Operands x [N, heads · HeadDim], positions [N] (int32),
/// cos and sin [maxPositions, RotaryDim/2].
/// </summary>
/// <param name="HeadDim">Width of one head.</param>
/// <param name="RotaryDim">Leading columns of a head that rotate.</param>
/// <param name="Inverse">Rotates back: the gradient.</param>
public sealed record Rope(int HeadDim, int RotaryDim, bool Inverse = false) : Op
{
    /// <inheritdoc/>
    public override string Name => Inverse ? "rope_gradient" : "rope";

    /// <inheritdoc/>
    public override IReadOnlyList<TensorType> Infer(IReadOnlyList<Value> inputs) => [inputs[0].Type];

    /// <inheritdoc/>
    public override void Differentiate(Node node, GradientContext context)
        => context.Add(node.Inputs[0], context.Builder.Apply1(this with { Inverse = !Inverse }, context.Of(node.Output)!, node.Inputs[1], node.Inputs[2], node.Inputs[3]));

    /// <inheritdoc/>
    public override int InPlaceInput(int output) => 0;
}
