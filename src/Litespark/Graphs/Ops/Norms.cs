namespace Litespark.Graphs.Ops;

/// <summary>
/// Root-mean-square norm (Zhang &amp; Sennrich 2019): y = x / √(mean(x²) + ε) ∘ weight, over groups of <see cref="GroupSize"/>
/// columns (the whole row, or one attention head). Operands x [N, D], weight [GroupSize] and, if <see cref="HasResidual"/>,
/// residual [N, D]: then the sum x + residual is normalised.
/// Outputs y [N, D], 1/rms [N · D/GroupSize] (float32) and, with a residual, the sum [N, D].
/// </summary>
public sealed record RmsNorm(float Epsilon, int GroupSize, bool HasResidual = false) : Op
{
    const int Sum = 2;

    /// <inheritdoc/>
    public override int? SumOutput => HasResidual ? Sum : null;

    /// <inheritdoc/>
    public override string Name => HasResidual ? "add_rms_norm" : "rms_norm";

    /// <inheritdoc/>
    public override IReadOnlyList<TensorType> Infer(IReadOnlyList<Value> inputs)
    {
        Shape x = inputs[0].Shape;
        if (x.Columns % GroupSize != 0 || inputs[1].Shape.Length != GroupSize) throw new ArgumentException($"{Name}: {inputs[1]} does not fit {inputs[0]}");
        var statistics = new TensorType(new Shape(checked(x.Rows * (x.Columns / GroupSize))));
        return HasResidual ? [inputs[0].Type, statistics, inputs[0].Type] : [inputs[0].Type, statistics];
    }

    /// <inheritdoc/>
    public override void Differentiate(Node node, GradientContext context)
    {
        (Value x, Value weight) = (HasResidual ? node.Outputs[Sum] : node.Inputs[0], node.Inputs[1]);
        Value? dx = null;
        if (context.Of(node.Outputs[0]) is { } dy)
        {
            IReadOnlyList<Value> gradients = context.Builder.Apply(new RmsNormGradient(GroupSize), dy, x, weight, node.Outputs[1]);
            dx = gradients[0];
            context.Add(weight, gradients[1]);
        }

        Residual.Differentiate(node, HasResidual, dx, residualInput: 2, Sum, context);
    }

    /// <inheritdoc/>
    public override int InPlaceInput(int output) => HasResidual && output == Sum ? 0 : -1;

    /// <inheritdoc/>
    public override bool IsCheap(int output) => output != Sum;

    /// <inheritdoc/>
    public override (Op Op, IReadOnlyList<Value> Inputs) Recomputation(Node node, IReadOnlySet<Value> kept)
        => HasResidual && kept.Contains(node.Outputs[Sum]) ? (this with { HasResidual = false }, [node.Outputs[Sum], node.Inputs[1]]) : base.Recomputation(node, kept);

    /// <inheritdoc/>
    public override IReadOnlyList<Value?>? Decompose(GraphBuilder builder, Node node)
    {
        if (!HasResidual) return null;
        Value sum = builder.Add(node.Inputs[0], node.Inputs[2]);
        return [.. builder.Apply(this with { HasResidual = false }, sum, node.Inputs[1]), sum];
    }
}

/// <summary>Gradient of <see cref="RmsNorm"/>: dy, x, weight, 1/rms → dx, dWeight (float32).</summary>
public sealed record RmsNormGradient(int GroupSize) : Op
{
    /// <inheritdoc/>
    public override string Name => "rms_norm_gradient";

    /// <inheritdoc/>
    public override IReadOnlyList<TensorType> Infer(IReadOnlyList<Value> inputs) => [inputs[0].Type, new(inputs[2].Shape)];

    /// <inheritdoc/>
    public override bool CanAccumulate(int output) => true;

    /// <inheritdoc/>
    public override bool AddendMustAlias(int output) => output != 0;

    /// <inheritdoc/>
    public override int InPlaceInput(int output) => output == 0 ? 0 : -1;
}

/// <summary>
/// Layer norm (Ba et al. 2016): y = (x − mean) / √(variance + ε) ∘ weight + bias over each row. Operands x [N, D],
/// weight [D], bias [D] and, if <see cref="HasResidual"/>, residual [N, D]: then the sum x + residual is normalised.
/// Outputs y [N, D], mean [N], 1/std [N] (float32) and, with a residual, the sum [N, D].
/// </summary>
public sealed record LayerNorm(float Epsilon, bool HasResidual = false) : Op
{
    const int Sum = 3;

    /// <inheritdoc/>
    public override int? SumOutput => HasResidual ? Sum : null;

    /// <inheritdoc/>
    public override string Name => HasResidual ? "add_layer_norm" : "layer_norm";

    /// <inheritdoc/>
    public override IReadOnlyList<TensorType> Infer(IReadOnlyList<Value> inputs)
    {
        Shape x = inputs[0].Shape;
        if (inputs[1].Shape.Length != x.Columns || inputs[2].Shape.Length != x.Columns) throw new ArgumentException($"{Name}: {inputs[1]} does not fit {inputs[0]}");
        var statistics = new TensorType(new Shape(x.Rows));
        return HasResidual ? [inputs[0].Type, statistics, statistics, inputs[0].Type] : [inputs[0].Type, statistics, statistics];
    }

    /// <inheritdoc/>
    public override void Differentiate(Node node, GradientContext context)
    {
        Value x = HasResidual ? node.Outputs[Sum] : node.Inputs[0];
        Value? dx = null;
        if (context.Of(node.Outputs[0]) is { } dy)
        {
            IReadOnlyList<Value> gradients = context.Builder.Apply(new LayerNormGradient(), dy, x, node.Inputs[1], node.Outputs[1], node.Outputs[2]);
            dx = gradients[0];
            context.Add(node.Inputs[1], gradients[1]);
            context.Add(node.Inputs[2], gradients[2]);
        }

        Residual.Differentiate(node, HasResidual, dx, residualInput: 3, Sum, context);
    }

    /// <inheritdoc/>
    public override int InPlaceInput(int output) => HasResidual && output == Sum ? 0 : -1;

    /// <inheritdoc/>
    public override bool IsCheap(int output) => output != Sum;

    /// <inheritdoc/>
    public override (Op Op, IReadOnlyList<Value> Inputs) Recomputation(Node node, IReadOnlySet<Value> kept)
        => HasResidual && kept.Contains(node.Outputs[Sum]) ? (this with { HasResidual = false }, [node.Outputs[Sum], node.Inputs[1], node.Inputs[2]]) : base.Recomputation(node, kept);

    /// <inheritdoc/>
    public override IReadOnlyList<Value?>? Decompose(GraphBuilder builder, Node node)
    {
        if (!HasResidual) return null;
        Value sum = builder.Add(node.Inputs[0], node.Inputs[3]);
        return [.. builder.Apply(this with { HasResidual = false }, sum, node.Inputs[1], node.Inputs[2]), sum];
    }
}

/// <summary>Gradient of <see cref="LayerNorm"/>: dy, x, weight, mean, 1/std → dx, dWeight, dBias (float32).</summary>
public sealed record LayerNormGradient : Op
{
    /// <inheritdoc/>
    public override string Name => "layer_norm_gradient";

    /// <inheritdoc/>
    public override IReadOnlyList<TensorType> Infer(IReadOnlyList<Value> inputs) => [inputs[0].Type, new(inputs[2].Shape), new(inputs[2].Shape)];

    /// <inheritdoc/>
    public override bool CanAccumulate(int output) => true;

    /// <inheritdoc/>
    public override bool AddendMustAlias(int output) => output != 0;

    /// <inheritdoc/>
    public override int InPlaceInput(int output) => output == 0 ? 0 : -1;
}

/// <summary>What the two norms share when they add a residual: its gradient is the norm's plus the sum's own.</summary>
static class Residual
{
    public static void Differentiate(Node node, bool hasResidual, Value? dx, int residualInput, int sumOutput, GradientContext context)
    {
        if (!hasResidual)
        {
            context.Add(node.Inputs[0], dx!);
            return;
        }

        Value? dSum = context.Of(node.Outputs[sumOutput]);
        Value total = dx is null ? dSum! : dSum is null ? dx : context.Builder.Add(dSum, dx);
        context.Add(node.Inputs[0], total);
        context.Add(node.Inputs[residualInput], total);
    }
}
