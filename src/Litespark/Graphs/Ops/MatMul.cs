namespace Litespark.Graphs.Ops;

/// <summary>
/// Matrix product y = α · op(a) · op(b) (+ bias), with op the identity or the transpose.
/// Operands a, b and, if <see cref="HasBias"/>, bias [columns of y], added to every row.
/// </summary>
public sealed record MatMul(bool TransposeA, bool TransposeB, bool HasBias = false, float Alpha = 1f) : Op
{
    /// <summary>Element type of the result where it is not that of the operands: the gradient of a weight is float32.</summary>
    public DataType? ResultType { get; init; }

    /// <inheritdoc/>
    public override string Name => "matmul";

    /// <inheritdoc/>
    public override IReadOnlyList<TensorType> Infer(IReadOnlyList<Value> inputs)
    {
        (int m, int ka) = Oriented(inputs[0].Shape, TransposeA);
        (int kb, int n) = Oriented(inputs[1].Shape, TransposeB);
        if (ka != kb) throw new ArgumentException($"matmul: inner sizes differ: {inputs[0]} and {inputs[1]}");
        if (HasBias && inputs[2].Shape.Length != n) throw new ArgumentException($"matmul: bias {inputs[2]} does not fit {n} columns");
        return [new TensorType(new Shape(m, n), ResultType ?? inputs[0].Type.DataType)];
    }

    /// <inheritdoc/>
    public override void Differentiate(Node node, GradientContext context)
    {
        if (Alpha != 1f) throw new InvalidOperationException("a scaled matmul has no gradient");
        (Value a, Value b, Value dy) = (node.Inputs[0], node.Inputs[1], context.Of(node.Output)!);
        GraphBuilder builder = context.Builder;
        if (context.Needs(a))
            context.Add(a, TransposeA ? builder.MatMul(b, dy, TransposeB, true, a.GradientType) : builder.MatMul(dy, b, false, !TransposeB, a.GradientType));
        if (context.Needs(b))
            context.Add(b, TransposeB ? builder.MatMul(dy, a, true, TransposeA, b.GradientType) : builder.MatMul(a, dy, !TransposeA, false, b.GradientType));
        if (HasBias && context.Needs(node.Inputs[2])) context.Add(node.Inputs[2], builder.Apply1(new ColumnSum(), dy));
    }

    /// <inheritdoc/>
    public override double Flops(Node node) => 2.0 * node.Output.Shape.Length * Oriented(node.Inputs[0].Shape, TransposeA).Columns;

    /// <inheritdoc/>
    public override bool CanAccumulate(int output) => true;

    static (int Rows, int Columns) Oriented(Shape shape, bool transpose)
        => transpose ? (shape.Columns, shape.Rows) : (shape.Rows, shape.Columns);
}

/// <summary>Sum over the rows: x [N, D] → [D] (float32); the gradient of a bias.</summary>
public sealed record ColumnSum : Op
{
    /// <inheritdoc/>
    public override string Name => "column_sum";

    /// <inheritdoc/>
    public override IReadOnlyList<TensorType> Infer(IReadOnlyList<Value> inputs) => [new TensorType(new Shape(inputs[0].Shape.Columns))];

    /// <inheritdoc/>
    public override bool CanAccumulate(int output) => true;
}
