namespace Litespark.Graphs.Ops;

/// <summary>Σ x² → [1]; part of the global gradient norm.</summary>
public sealed record SumOfSquares : Op
{
    /// <inheritdoc/>
    public override string Name => "sum_of_squares";

    /// <inheritdoc/>
    public override IReadOnlyList<TensorType> Infer(IReadOnlyList<Value> inputs) => [new(new Shape(1))];

    /// <inheritdoc/>
    public override bool CanAccumulate(int output) => true;
}

/// <summary>Σ g² [1] → norm [1], factor [1] = min(1, MaxNorm / (norm + 1e-6)); factor 1 where MaxNorm ≤ 0.</summary>
public sealed record ClipFactor(float MaxNorm) : Op
{
    /// <inheritdoc/>
    public override string Name => "clip_factor";

    /// <inheritdoc/>
    public override IReadOnlyList<TensorType> Infer(IReadOnlyList<Value> inputs) => [inputs[0].Type, inputs[0].Type];
}

/// <summary>
/// AdamW (Loshchilov &amp; Hutter 2019): weight, gradient, m, v, schedule [3] = (learning rate, 1 − β1^t, 1 − β2^t), clip factor [1]
/// and, if <see cref="HasCopy"/>, a copy of the weight in another element type; updates weight, m, v and the copy in place.
/// </summary>
public sealed record AdamW(float Beta1, float Beta2, float Epsilon, float WeightDecay, bool HasCopy = false) : Op
{
    /// <inheritdoc/>
    public override string Name => "adamw";

    /// <inheritdoc/>
    public override IReadOnlyList<TensorType> Infer(IReadOnlyList<Value> inputs) => [];

    /// <inheritdoc/>
    public override IReadOnlyList<int> MutatedInputs => HasCopy ? [0, 2, 3, 6] : [0, 2, 3];
}

/// <summary>
/// Momentum as Muon uses it (Jordan et al. 2024): gradient, momentum (updated in place), clip factor [1] → update
/// = momentum, or with Nesterov gradient + β · momentum, in an element type of its own.
/// </summary>
public sealed record Momentum(float Beta, bool Nesterov, DataType ResultType = DataType.Float32) : Op
{
    /// <inheritdoc/>
    public override string Name => "momentum";

    /// <inheritdoc/>
    public override IReadOnlyList<TensorType> Infer(IReadOnlyList<Value> inputs) => [new(inputs[0].Shape, ResultType)];

    /// <inheritdoc/>
    public override IReadOnlyList<int> MutatedInputs => [1];
}

/// <summary>x / (‖x‖₂ + Epsilon).</summary>
public sealed record Normalize(float Epsilon) : Op
{
    /// <inheritdoc/>
    public override string Name => "normalize";

    /// <inheritdoc/>
    public override IReadOnlyList<TensorType> Infer(IReadOnlyList<Value> inputs) => [inputs[0].Type];

    /// <inheritdoc/>
    public override int InPlaceInput(int output) => 0;
}

/// <summary>
/// weight ← weight · (1 − lr · WeightDecay) − lr · Factor · update: weight (in place), update, schedule (its first entry is lr) and, if
/// <see cref="HasCopy"/>, a copy of the weight in another element type (in place).
/// </summary>
public sealed record ScaledUpdate(float Factor, float WeightDecay, bool HasCopy = false) : Op
{
    /// <inheritdoc/>
    public override string Name => "scaled_update";

    /// <inheritdoc/>
    public override IReadOnlyList<TensorType> Infer(IReadOnlyList<Value> inputs) => [];

    /// <inheritdoc/>
    public override IReadOnlyList<int> MutatedInputs => HasCopy ? [0, 3] : [0];
}
