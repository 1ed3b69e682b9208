using Litespark.Devices.Cpu;
using Litespark.Graphs;
using Litespark.Graphs.Ops;

namespace Litespark.Benchmarks.Measuring;

/// <summary>A kernel whose time is that of moving its operands.</summary>
/// <param name="Name">The kernel.</param>
/// <param name="Rows">What its size is counted in.</param>
/// <param name="Bind">The op and its operands for so many rows.</param>
internal sealed record MemoryCase(string Name, RowKind Rows, Func<int, (Op Op, TensorType[] Inputs)> Bind)
{
    /// <summary>Results take over an operand's memory.</summary>
    public bool InPlace { get; init; }

    /// <summary>Fills integers and whatever must not be random.</summary>
    public Action<BoundOp>? Prepare { get; init; }

    /// <summary>Bytes that a row must move where that is not every operand once.</summary>
    public Func<int, double>? BytesOf { get; init; }

    /// <summary>Elements of a row to which <see cref="Instructions"/> belong.</summary>
    public int Width { get; init; }

    /// <summary>
    /// Vector instructions of arithmetic for a register's worth of elements, counted in the kernel's formula: multiply-adds, products, sums,
    /// bounds, shifts and divisions, each once; loads, stores and loop control not at all.
    /// </summary>
    public int Instructions { get; init; }

    /// <summary>Instructions of a run, on registers of so many floats; 0 where nothing is computed.</summary>
    public double InstructionsOf(int rows, int register) => (double)Instructions * Width * rows / register;

    /// <summary>The kernel, bound and ready.</summary>
    public BoundOp Create(WorkerPool pool, int rows)
    {
        (Op op, TensorType[] inputs) = Bind(rows);
        BoundOp bound = BoundOp.Create(pool, op, InPlace, inputs);
        Prepare?.Invoke(bound);
        return bound;
    }

    /// <summary>Bytes that a run must move.</summary>
    public double Bytes(int rows)
    {
        if (BytesOf is not null) return BytesOf(rows);
        (Op op, TensorType[] inputs) = Bind(rows);
        return BoundOp.CostOf(op, inputs).Bytes;
    }
}

/// <summary>What the rows of a case are.</summary>
internal enum RowKind
{
    /// <summary>Tokens of the micro-batch.</summary>
    Tokens,

    /// <summary>Tokens whose logits exist at once.</summary>
    Logits,

    /// <summary>Thousands of parameters.</summary>
    Parameters,
}

/// <summary>Every kernel of a step that computes little for what it moves.</summary>
internal static class MemoryCases
{
    /// <summary>Elements in a row of parameters.</summary>
    public const int ParameterRow = 1024;

    const float Epsilon = 1e-5f;

    // 2^t (Exp2.Of): max, add, two subtractions, five multiply-adds, shift, integer add; 1 / (1 + e^−x) (Exp2.Sigmoid): min, max, three
    // multiply-adds, subtraction, five multiply-adds, shift, integer add, add, quotient; the normal distribution from x: two products, min, ten
    // multiply-adds, quotient, add, min, max.
    const int Power = 11, Sigmoid = 15, Distribution = 17;

    /// <summary>The kernels at the widths of a model.</summary>
    public static IReadOnlyList<MemoryCase> Of(ModelShape shape)
    {
        (int hidden, int inner, int vocabulary, int headDim) = (shape.Spec.HiddenSize, shape.Spec.IntermediateSize, shape.Spec.VocabSize, shape.Spec.HeadDim);
        int length = shape.SequenceLength;
        TensorType Wide(int rows) => F(rows, hidden);
        TensorType[] Rotary(int rows) => [Wide(rows), I(rows), F(length, headDim / 2), F(length, headDim / 2)];
        void Positions(BoundOp op) => Fill(op.Integers(1), i => (int)(i % length));
        void Tokens(BoundOp op) => Fill(op.Integers(0), i => (int)(i * 2654435761u % (uint)vocabulary));
        void Targets(BoundOp op)
        {
            Fill(op.Integers(1), i => (int)(i * 2654435761u % (uint)vocabulary));
            op.Input(2).Fill(1e-3f);
        }

        MemoryCase Rows(string name, Op op, int instructions, Func<int, TensorType[]> inputs)
            => new(name, RowKind.Tokens, rows => (op, inputs(rows))) { Width = hidden, Instructions = instructions };
        return
        [
            Rows("rms_norm", new RmsNorm(Epsilon, hidden), 3, n => [Wide(n), F(hidden)]),
            Rows("add_rms_norm", new RmsNorm(Epsilon, hidden, HasResidual: true), 4, n => [Wide(n), F(hidden), Wide(n)]),
            Rows("rms_norm_gradient", new RmsNormGradient(hidden), 8, n => [Wide(n), Wide(n), F(hidden), F(n)]),
            Rows("rms_norm_gradient, added", new RmsNormGradient(hidden).WithAddend(0), 9, n => [Wide(n), Wide(n), F(hidden), F(n)]),
            Rows("layer_norm", new LayerNorm(Epsilon), 6, n => [Wide(n), F(hidden), F(hidden)]),
            Rows("add_layer_norm", new LayerNorm(Epsilon, HasResidual: true), 7, n => [Wide(n), F(hidden), F(hidden), Wide(n)]),
            Rows("layer_norm_gradient", new LayerNormGradient(), 12, n => [Wide(n), Wide(n), F(hidden), F(n), F(n)]),
            Rows("rope", new Rope(headDim, headDim), 3, Rotary) with { Prepare = Positions },
            Rows("rope_gradient", new Rope(headDim, headDim, Inverse: true), 3, Rotary) with { Prepare = Positions },
            Rows("gated_activation", new GatedActivation(ActivationKind.Silu), Sigmoid + 2, n => [F(n, 2 * inner)]) with { Width = inner },
            Rows("gated_activation_gradient", new GatedActivationGradient(ActivationKind.Silu), Sigmoid + 6, n => [F(n, inner), F(n, 2 * inner)]) with { Width = inner },
            Rows("gelu", new Activation(ActivationKind.Gelu), Distribution + 1, n => [F(n, inner)]) with { Width = inner },
            Rows("gelu_gradient", new ActivationGradient(ActivationKind.Gelu), Distribution + Power + 3, n => [F(n, inner), F(n, inner)]) with { Width = inner },
            Rows("add", new Add(), 1, n => [Wide(n), Wide(n)]),
            Rows("embedding", new Embedding(), 0, n => [I(n), F(vocabulary, hidden)]) with { Prepare = Tokens, BytesOf = n => (2.0 * hidden + 1) * sizeof(float) * n },
            Rows("embedding_gradient", new EmbeddingGradient(vocabulary), 0, n => [I(n), Wide(n)]) with { Prepare = Tokens },
            new("cross_entropy", RowKind.Logits, n => (new CrossEntropy(), [F(n, vocabulary), I(n)])) { Width = vocabulary, Instructions = Power + 3, Prepare = op => Fill(op.Integers(1), i => (int)(i % vocabulary)) },
            new("cross_entropy_with_gradient", RowKind.Logits, n => (new CrossEntropyWithGradient(), [F(n, vocabulary), I(n), F(1)])) { Width = vocabulary, Instructions = Power + 4, Prepare = Targets, InPlace = true },
            new("adamw", RowKind.Parameters, n => (new AdamW(0.9f, 0.95f, 1e-8f, 0.1f), [P(n), P(n), P(n), P(n), F(3), F(1)])) { Width = ParameterRow, Instructions = 13, Prepare = PrepareAdamW },
            new("sum_of_squares", RowKind.Parameters, n => (new SumOfSquares(), [P(n)])) { Width = ParameterRow, Instructions = 1 },
            new("momentum", RowKind.Parameters, n => (new Momentum(0.95f, Nesterov: true), [P(n), P(n), F(1)])) { Width = ParameterRow, Instructions = 3, Prepare = op => op.Input(2).Fill(1) },
            new("scaled_update", RowKind.Parameters, n => (new ScaledUpdate(1, 0.1f), [P(n), P(n), F(3)])) { Width = ParameterRow, Instructions = 2, Prepare = op => op.Input(2).Fill(1e-3f) },
            new("copy", RowKind.Parameters, n => (new Copy(), [P(n)])),
        ];
    }

    static void PrepareAdamW(BoundOp op) => PrepareAdamW(op, schedule: 4);

    /// <summary>Gives an optimiser's operands values that it could meet; the schedule is followed by the clip factor.</summary>
    public static void PrepareAdamW(BoundOp op, int schedule)
    {
        // Second moments are not negative.
        foreach (ref float v in op.Input(3)) v = Math.Abs(v);
        ReadOnlySpan<float> values = [1e-3f, 0.1f, 0.05f];
        values.CopyTo(op.Input(schedule));
        op.Input(schedule + 1).Fill(1);
    }

    static void Fill(Span<int> integers, Func<long, int> value)
    {
        for (int i = 0; i < integers.Length; i++) integers[i] = value(i);
    }

    static TensorType F(params int[] dimensions) => new(new Shape(dimensions));

    static TensorType I(int length) => new(new Shape(length), DataType.Int32);

    static TensorType P(int rows) => F(checked(rows * ParameterRow));
}
