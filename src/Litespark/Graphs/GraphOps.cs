using Litespark.Graphs.Ops;

namespace Litespark.Graphs;

/// <summary>
/// The functions that models are written in. Each adds one elementary op, or the few that a standard implementation runs;
/// larger ops come from the fusion passes.
/// Shape legend: N tokens (sequences · length), D width in, O width out, H query heads, KV key/value heads, K width of a head, V vocabulary.
/// </summary>
public sealed partial class GraphBuilder
{
    /// <summary>table[indices]: [N], [V, D] → [N, D].</summary>
    public Value Embedding(Value indices, Value table) => Apply1(new Embedding(), indices, table);

    /// <summary>x · weightᵀ (+ bias): x [N, D], weight [O, D], bias [O] → [N, O].</summary>
    public Value Linear(Value x, Value weight, Value? bias = null)
        => bias is null ? MatMul(x, weight, false, true) : Apply1(new MatMul(false, true, HasBias: true), x, weight, bias);

    /// <summary>x · weight + bias with the weight stored input-first (GPT-2's Conv1D): x [N, D], weight [D, O], bias [O] → [N, O].</summary>
    public Value LinearInputFirst(Value x, Value weight, Value bias) => Apply1(new MatMul(false, false, HasBias: true), x, weight, bias);

    /// <summary>op(a) · op(b), in the operands' element type or the one that is asked for.</summary>
    public Value MatMul(Value a, Value b, bool transposeA = false, bool transposeB = false, DataType? resultType = null)
        => Apply1(new MatMul(transposeA, transposeB) { ResultType = resultType == a.Type.DataType ? null : resultType }, a, b);

    /// <summary>RMSNorm over each row, or over groups of <paramref name="groupSize"/> columns.</summary>
    public Value RmsNorm(Value x, Value weight, double epsilon, int groupSize = 0)
        => Apply(new RmsNorm((float)epsilon, groupSize > 0 ? groupSize : x.Shape.Columns), x, weight)[0];

    /// <summary>LayerNorm over each row.</summary>
    public Value LayerNorm(Value x, Value weight, Value bias, double epsilon) => Apply(new LayerNorm((float)epsilon), x, weight, bias)[0];

    /// <summary>Rotary position embedding of every head of x.</summary>
    public Value Rope(Value x, Value positions, Value cos, Value sin, int headDim)
        => Apply1(new Rope(headDim, 2 * cos.Shape.Columns), x, positions, cos, sin);

    /// <summary>
    /// Causal attention as the textbook writes it: scores, scale, mask, softmax, mix. q [N, H·K], k and v [N, KV·K],
    /// documentStarts [N] → [N, H·K].
    /// </summary>
    /// <param name="q">Queries.</param>
    /// <param name="k">Keys.</param>
    /// <param name="v">Values.</param>
    /// <param name="documentStarts">For each token the first index of its sequence that it may see.</param>
    /// <param name="geometry">Sizes.</param>
    /// <param name="window">Keys that a query sees, itself included; 0 = all.</param>
    /// <param name="scale">Factor on the scores; 0 = 1/√K.</param>
    /// <param name="pattern">Which of these keys each head sees [4·H + 1], int32 (<see cref="AttentionPatternBuffer"/>); null = all.</param>
    public Value Attention(Value q, Value k, Value v, Value documentStarts, AttentionGeometry geometry, int window = 0, double scale = 0, Value? pattern = null)
    {
        float factor = (float)(scale == 0 ? 1 / Math.Sqrt(geometry.HeadDim) : scale);
        Value scores = Scale(Apply1(new HeadProduct(HeadProductKind.Scores, geometry, 1f), q, k), factor);
        var mask = new CausalMask(geometry, window) { HasPattern = pattern is not null };
        Value probabilities = Apply1(new Softmax(), pattern is null ? Apply1(mask, scores, documentStarts) : Apply1(mask, scores, documentStarts, pattern));
        return Apply1(new HeadProduct(HeadProductKind.Mix, geometry, 1f), probabilities, v);
    }

    /// <summary>Element-wise non-linearity.</summary>
    public Value Activation(Value x, ActivationKind kind) => Apply1(new Activation(kind), x);

    /// <summary>a + b.</summary>
    public Value Add(Value a, Value b) => Apply1(new Add(), a, b);

    /// <summary>a ∘ b.</summary>
    public Value Multiply(Value a, Value b) => Apply1(new Multiply(), a, b);

    /// <summary>x · factor.</summary>
    public Value Scale(Value x, double factor) => Apply1(new Scale((float)factor), x);

    /// <summary>A range of rows (axis 0) or columns (axis 1), as a view.</summary>
    public Value Slice(Value x, int axis, int start, int length) => Apply1(new Slice(axis, start, length), x);

    /// <summary>One after the other along rows (axis 0) or columns (axis 1).</summary>
    public Value Concat(int axis, params Value[] parts) => Apply1(new Concat(axis), parts);

    /// <summary>A tensor filled with one value.</summary>
    public Value Fill(Shape shape, double content, DataType type = DataType.Float32) => Apply1(new Fill(shape, (float)content, type));

    /// <summary>The same numbers in another element type; x itself where it has that type.</summary>
    public Value Cast(Value x, DataType type) => x.Type.DataType == type ? x : Apply1(new Cast(type), x);

    /// <summary>Sum of the tokens' cross-entropies in nats: logits [N, V], targets [N] → [1]; also the losses token by token [N].</summary>
    public (Value Sum, Value PerToken) CrossEntropy(Value logits, Value targets)
    {
        Value perToken = Apply(new CrossEntropy(), logits, targets)[0];
        return (Apply1(new Sum(), perToken), perToken);
    }
}
