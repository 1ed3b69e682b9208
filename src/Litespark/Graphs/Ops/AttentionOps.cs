namespace Litespark.Graphs.Ops;

/// <summary>Sizes of an attention: N = Sequences · SequenceLength tokens; query head h reads key/value head h / (Heads / KeyValueHeads).</summary>
public sealed record AttentionGeometry(int Sequences, int SequenceLength, int Heads, int KeyValueHeads, int HeadDim)
{
    /// <summary>Tokens.</summary>
    public int Tokens => Sequences * SequenceLength;

    /// <summary>Query–key pairs under a causal mask with an optional window, over all heads and sequences (document masks are known only at run time).</summary>
    public double CausalPairs(int window)
    {
        double reach = window <= 0 ? SequenceLength : Math.Min(window, SequenceLength);
        double perHead = reach * (reach + 1) / 2 + (SequenceLength - reach) * reach;
        return perHead * Heads * Sequences;
    }

    /// <summary>All query–key pairs.</summary>
    public double AllPairs => (double)SequenceLength * SequenceLength * Heads * Sequences;

    internal Shape Scores => new(Sequences, Heads, SequenceLength, SequenceLength);
}

/// <summary>Which of the three products of materialised attention; they are each other's gradients.</summary>
public enum HeadProductKind
{
    /// <summary>x_q [N, H·K], y_kv [N, KV·K] → x·yᵀ [B, H, T, T].</summary>
    Scores,

    /// <summary>p [B, H, T, T], y_kv [N, KV·K] → p·y [N, H·K].</summary>
    Mix,

    /// <summary>p [B, H, T, T], x_q [N, H·K] → pᵀ·x summed over the query heads of a group [N, KV·K].</summary>
    MixTransposed,
}

/// <summary>A matrix product per head, scaled.</summary>
public sealed record HeadProduct(HeadProductKind Kind, AttentionGeometry Geometry, float Scale) : Op
{
    /// <inheritdoc/>
    public override string Name => Kind switch
    {
        HeadProductKind.Scores => "attention_scores",
        HeadProductKind.Mix => "attention_mix",
        _ => "attention_mix_transposed",
    };

    /// <inheritdoc/>
    public override IReadOnlyList<TensorType> Infer(IReadOnlyList<Value> inputs) => Kind switch
    {
        HeadProductKind.Scores => [inputs[0].Type.Of(Geometry.Scores)],
        HeadProductKind.Mix => [inputs[0].Type.Of(new Shape(Geometry.Tokens, Geometry.Heads * Geometry.HeadDim))],
        _ => [inputs[0].Type.Of(new Shape(Geometry.Tokens, Geometry.KeyValueHeads * Geometry.HeadDim))],
    };

    /// <inheritdoc/>
    public override void Differentiate(Node node, GradientContext context)
    {
        (Value a, Value b, Value dy) = (node.Inputs[0], node.Inputs[1], context.Of(node.Output)!);
        GraphBuilder builder = context.Builder;
        switch (Kind)
        {
            case HeadProductKind.Scores:
                context.Add(a, builder.Apply1(this with { Kind = HeadProductKind.Mix }, dy, b));
                context.Add(b, builder.Apply1(this with { Kind = HeadProductKind.MixTransposed }, dy, a));
                break;
            case HeadProductKind.Mix:
                context.Add(a, builder.Apply1(this with { Kind = HeadProductKind.Scores }, dy, b));
                context.Add(b, builder.Apply1(this with { Kind = HeadProductKind.MixTransposed }, a, dy));
                break;
            default:
                throw new InvalidOperationException($"{Name} has no gradient");
        }
    }

    /// <inheritdoc/>
    public override double Flops(Node node) => 2 * Geometry.AllPairs * Geometry.HeadDim;
}

/// <summary>
/// Hides keys: scores [B, H, T, T], document starts [N] → the same scores with a very large negative number wherever query t does
/// not see the key; it sees max(start, t − Window + 1) … t of its sequence. A softmax behind it gives the hidden keys exactly 0,
/// and so their scores a gradient of 0.
/// </summary>
public sealed record CausalMask(AttentionGeometry Geometry, int Window) : Op
{
    /// <summary>Whether a last operand [4·H + 1] (int32, <see cref="AttentionPatternBuffer"/>) says which of these keys each head sees; its threshold is not used: what it leaves out are approximations.</summary>
    public bool HasPattern { get; init; }

    /// <inheritdoc/>
    public override string Name => "causal_mask";

    /// <inheritdoc/>
    public override IReadOnlyList<TensorType> Infer(IReadOnlyList<Value> inputs) => [inputs[0].Type];

    /// <inheritdoc/>
    public override void Differentiate(Node node, GradientContext context) => context.Add(node.Inputs[0], context.Of(node.Output)!);

    /// <inheritdoc/>
    public override int InPlaceInput(int output) => 0;
}

/// <summary>Softmax over the last axis.</summary>
public sealed record Softmax : Op
{
    /// <inheritdoc/>
    public override string Name => "softmax";

    /// <inheritdoc/>
    public override IReadOnlyList<TensorType> Infer(IReadOnlyList<Value> inputs) => [inputs[0].Type];

    /// <inheritdoc/>
    public override void Differentiate(Node node, GradientContext context)
        => context.Add(node.Inputs[0], context.Builder.Apply1(new SoftmaxGradient(), context.Of(node.Output)!, node.Output));

    /// <inheritdoc/>
    public override int InPlaceInput(int output) => 0;
}

/// <summary>dS = P ∘ (dP − Σ P ∘ dP) with the sum over the last axis: dP, P → dS.</summary>
public sealed record SoftmaxGradient : Op
{
    /// <inheritdoc/>
    public override string Name => "softmax_gradient";

    /// <inheritdoc/>
    public override IReadOnlyList<TensorType> Infer(IReadOnlyList<Value> inputs) => [inputs[0].Type];

    /// <inheritdoc/>
    public override int InPlaceInput(int output) => 0;
}

/// <summary>
/// Fused attention with an online softmax (FlashAttention, Dao et al. 2022): never a T × T matrix.
/// Operands q [N, H·K], k and v [N, KV·K], document starts [N] → o [N, H·K], log-sum-exp [B, H, T] (float32).
/// </summary>
public sealed record Attention(AttentionGeometry Geometry, int Window, float Scale) : Op
{
    /// <summary>
    /// Whether a last operand [4·H + 1] (int32, <see cref="AttentionPatternBuffer"/>) says which keys each head sees, and below which threshold
    /// pairs may be left out. Then there is a third result [1] (float32): the share of the pairs that are visible without it which was computed.
    /// </summary>
    public bool HasPattern { get; init; }

    /// <inheritdoc/>
    public override string Name => "attention";

    /// <inheritdoc/>
    public override IReadOnlyList<TensorType> Infer(IReadOnlyList<Value> inputs)
    {
        TensorType sums = new(new Shape(Geometry.Sequences, Geometry.Heads, Geometry.SequenceLength));
        return HasPattern ? [inputs[0].Type, sums, new(new Shape(1))] : [inputs[0].Type, sums];
    }

    /// <inheritdoc/>
    public override void Differentiate(Node node, GradientContext context)
    {
        Value[] pattern = HasPattern ? [node.Inputs[4]] : [];
        IReadOnlyList<Value> gradients = context.Builder.Apply(new AttentionGradient(Geometry, Window, Scale) { HasPattern = HasPattern },
            [node.Inputs[0], node.Inputs[1], node.Inputs[2], node.Outputs[0], node.Outputs[1], node.Inputs[3], context.Of(node.Outputs[0])!, .. pattern]);
        for (int i = 0; i < 3; i++) context.Add(node.Inputs[i], gradients[i]);
    }

    /// <summary>Of all visible pairs; a plan does not know what a pattern leaves of them.</summary>
    public override double Flops(Node node) => 4 * Geometry.CausalPairs(Window) * Geometry.HeadDim;

    /// <inheritdoc/>
    public override IReadOnlyList<Value?>? Decompose(GraphBuilder builder, Node node)
    {
        Value o = builder.Attention(node.Inputs[0], node.Inputs[1], node.Inputs[2], node.Inputs[3], Geometry, Window, Scale, HasPattern ? node.Inputs[4] : null);
        return HasPattern ? [o, null, null] : [o, null];
    }
}

/// <summary>Gradient of <see cref="Attention"/>: q, k, v, o, log-sum-exp, document starts, dO → dQ, dK, dV.</summary>
public sealed record AttentionGradient(AttentionGeometry Geometry, int Window, float Scale) : Op
{
    /// <summary>Whether a last operand [4·H + 1] holds the pattern of the forward pass.</summary>
    public bool HasPattern { get; init; }

    /// <inheritdoc/>
    public override string Name => "attention_gradient";

    /// <inheritdoc/>
    public override IReadOnlyList<TensorType> Infer(IReadOnlyList<Value> inputs) => [inputs[0].Type, inputs[1].Type, inputs[2].Type];

    /// <summary>Of all visible pairs; a plan does not know what a pattern leaves of them.</summary>
    public override double Flops(Node node) => 10 * Geometry.CausalPairs(Window) * Geometry.HeadDim;
}

/// <summary>
/// Attention over a key/value cache, for generation: operands q [M, H·K], k and v [M, KV·K] of M new tokens, their
/// positions [M], and the caches [capacity, KV·K], to which k and v are appended first. Output o [M, H·K].
/// </summary>
public sealed record CachedAttention(int Heads, int KeyValueHeads, int HeadDim, int Window, float Scale) : Op
{
    /// <inheritdoc/>
    public override string Name => "cached_attention";

    /// <inheritdoc/>
    public override IReadOnlyList<TensorType> Infer(IReadOnlyList<Value> inputs) => [inputs[0].Type];

    /// <inheritdoc/>
    public override IReadOnlyList<int> MutatedInputs => [4, 5];

    /// <inheritdoc/>
    public override double Flops(Node node) => 4.0 * node.Output.Shape.Length * node.Inputs[4].Shape.Rows;
}
