namespace Litespark.Graphs.Ops;

/// <summary>A range of rows (axis 0) or columns (axis 1): a view of the operand's memory, never a copy.</summary>
public sealed record Slice(int Axis, int Start, int Length) : Op
{
    /// <inheritdoc/>
    public override string Name => "slice";

    /// <inheritdoc/>
    public override IReadOnlyList<TensorType> Infer(IReadOnlyList<Value> inputs)
    {
        Shape shape = inputs[0].Shape;
        int size = Axis == 0 ? shape.Rows : shape.Columns;
        if (shape.Rank > 2 || Start < 0 || Start + Length > size) throw new ArgumentException($"slice [{Start}, {Start + Length}) of axis {Axis} of {inputs[0]}");
        return [inputs[0].Type.Of(shape.With(Axis, Length))];
    }

    /// <inheritdoc/>
    public override void Differentiate(Node node, GradientContext context)
        => context.AddSlice(node.Inputs[0], Axis, Start, Length, context.Of(node.Output)!);

    /// <inheritdoc/>
    public override bool IsCheap(int output) => true;
}

/// <summary>
/// Operands one after the other along rows (axis 0) or columns (axis 1). The memory planner lets the operands' producers
/// write straight into place, so that it costs nothing; a copy remains only where that is impossible.
/// </summary>
public sealed record Concat(int Axis) : Op
{
    /// <inheritdoc/>
    public override string Name => "concat";

    /// <inheritdoc/>
    public override IReadOnlyList<TensorType> Infer(IReadOnlyList<Value> inputs)
    {
        Shape first = inputs[0].Shape;
        int size = inputs.Sum(input => Axis == 0 ? input.Shape.Rows : input.Shape.Columns);
        return [inputs[0].Type.Of(first.With(Axis, size))];
    }

    /// <inheritdoc/>
    public override void Differentiate(Node node, GradientContext context)
    {
        Value dy = context.Of(node.Output)!;
        int start = 0;
        foreach (Value input in node.Inputs)
        {
            int length = Axis == 0 ? input.Shape.Rows : input.Shape.Columns;
            if (context.Needs(input)) context.Add(input, context.Builder.Slice(dy, Axis, start, length));
            start += length;
        }
    }
}
