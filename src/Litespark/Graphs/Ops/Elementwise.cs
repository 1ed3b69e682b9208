namespace Litespark.Graphs.Ops;

/// <summary>a + b, equal shapes.</summary>
public sealed record Add : Op
{
    /// <inheritdoc/>
    public override string Name => "add";

    /// <inheritdoc/>
    public override IReadOnlyList<TensorType> Infer(IReadOnlyList<Value> inputs)
        => inputs[0].Shape.Length == inputs[1].Shape.Length && inputs[0].Shape.Columns == inputs[1].Shape.Columns
            ? [inputs[0].Type]
            : throw new ArgumentException($"add: {inputs[0]} and {inputs[1]} differ in shape");

    /// <inheritdoc/>
    public override void Differentiate(Node node, GradientContext context)
    {
        context.Add(node.Inputs[0], context.Of(node.Output)!);
        context.Add(node.Inputs[1], context.Of(node.Output)!);
    }

    /// <inheritdoc/>
    public override int InPlaceInput(int output) => 0;
}

/// <summary>a ∘ b, equal shapes.</summary>
public sealed record Multiply : Op
{
    /// <inheritdoc/>
    public override string Name => "multiply";

    /// <inheritdoc/>
    public override IReadOnlyList<TensorType> Infer(IReadOnlyList<Value> inputs)
        => inputs[0].Shape == inputs[1].Shape ? [inputs[0].Type] : throw new ArgumentException($"multiply: {inputs[0]} and {inputs[1]} differ in shape");

    /// <inheritdoc/>
    public override void Differentiate(Node node, GradientContext context)
    {
        (Value a, Value b, Value dy) = (node.Inputs[0], node.Inputs[1], context.Of(node.Output)!);
        if (context.Needs(a)) context.Add(a, context.Builder.Multiply(dy, b));
        if (context.Needs(b)) context.Add(b, context.Builder.Multiply(dy, a));
    }

    /// <inheritdoc/>
    public override int InPlaceInput(int output) => 0;

    /// <inheritdoc/>
    public override bool IsCheap(int output) => true;
}

/// <summary>x · Factor.</summary>
public sealed record Scale(float Factor) : Op
{
    /// <inheritdoc/>
    public override string Name => "scale";

    /// <inheritdoc/>
    public override IReadOnlyList<TensorType> Infer(IReadOnlyList<Value> inputs) => [inputs[0].Type];

    /// <inheritdoc/>
    public override void Differentiate(Node node, GradientContext context)
        => context.Add(node.Inputs[0], context.Builder.Apply1(this, context.Of(node.Output)!));

    /// <inheritdoc/>
    public override int InPlaceInput(int output) => 0;

    /// <inheritdoc/>
    public override bool IsCheap(int output) => true;
}

/// <summary>A tensor of one value.</summary>
public sealed record Fill(Shape Shape, float Content, DataType DataType = DataType.Float32) : Op
{
    /// <inheritdoc/>
    public override string Name => "fill";

    /// <inheritdoc/>
    public override IReadOnlyList<TensorType> Infer(IReadOnlyList<Value> inputs) => [new(Shape, DataType)];

    /// <inheritdoc/>
    public override bool IsCheap(int output) => true;
}

/// <summary>The same numbers in another element type, rounded to nearest, ties to even.</summary>
public sealed record Cast(DataType To) : Op
{
    /// <inheritdoc/>
    public override string Name => "cast";

    /// <inheritdoc/>
    public override IReadOnlyList<TensorType> Infer(IReadOnlyList<Value> inputs) => [new(inputs[0].Shape, To)];

    /// <inheritdoc/>
    public override void Differentiate(Node node, GradientContext context)
        => context.Add(node.Inputs[0], context.Of(node.Output)!);

    /// <inheritdoc/>
    public override bool IsCheap(int output) => true;
}

/// <summary>A copy in memory of its own; planners insert it where a value may not be overwritten.</summary>
public sealed record Copy : Op
{
    /// <inheritdoc/>
    public override string Name => "copy";

    /// <inheritdoc/>
    public override IReadOnlyList<TensorType> Infer(IReadOnlyList<Value> inputs) => [inputs[0].Type];

    /// <inheritdoc/>
    public override void Differentiate(Node node, GradientContext context) => context.Add(node.Inputs[0], context.Of(node.Output)!);
}
