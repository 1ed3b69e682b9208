using Litespark.Graphs;
using Litespark.Graphs.Ops;
using Litespark.Models;
using Litespark.Planning;

namespace Litespark.Benchmarks.Measuring;

/// <summary>A product of training a linear layer: C[M, N] = op(A)·op(B), maybe added to C.</summary>
/// <param name="M">Rows of C.</param>
/// <param name="N">Columns of C.</param>
/// <param name="K">Inner size.</param>
/// <param name="TransposeA">A is stored [K, M].</param>
/// <param name="TransposeB">B is stored [N, K].</param>
/// <param name="Accumulates">C is added to.</param>
internal sealed record GemmForm(int M, int N, int K, bool TransposeA, bool TransposeB, bool Accumulates)
{
    /// <summary>FLOPs; a multiply-add is two.</summary>
    public double Flops => 2.0 * M * N * K;

    /// <summary>The form of a plan's call.</summary>
    public static GemmForm Of(KernelCall call)
    {
        var op = (MatMul)call.Op;
        Operand a = call.Inputs[0], c = call.Outputs[0];
        return new GemmForm(c.Rows, c.Columns, op.TransposeA ? a.Rows : a.Columns, op.TransposeA, op.TransposeB, op.Addends.Count > 0);
    }

    /// <summary>The op, and the types of its operands.</summary>
    public (Op Op, TensorType A, TensorType B) Bind()
    {
        Op op = new MatMul(TransposeA, TransposeB);
        return (Accumulates ? op.WithAddend(0) : op,
            new TensorType(TransposeA ? new Shape(K, M) : new Shape(M, K)), new TensorType(TransposeB ? new Shape(N, K) : new Shape(K, N)));
    }
}

/// <summary>A row of the table of products.</summary>
/// <param name="Layer">Which layer of the model.</param>
/// <param name="Product">Which product of it.</param>
/// <param name="Form">Its sizes.</param>
/// <param name="Calls">How often a step of the litespark plan runs just this.</param>
internal sealed record GemmRow(string Layer, string Product, GemmForm Form, int Calls);

/// <summary>The products that a training step consists of.</summary>
internal static class GemmRows
{
    /// <summary>The products of a model's linear layers as the litespark plan fuses them, and of the head as a whole beside its chunks.</summary>
    public static IReadOnlyList<GemmRow> Of(ModelShape shape)
    {
        ILookup<GemmForm, KernelCall> products = Plan(shape).Where(call => call.Op is MatMul { HasBias: false }).ToLookup(GemmForm.Of);

        (TransformerSpec spec, int tokens) = (shape.Spec, shape.Tokens);
        int hidden = spec.HiddenSize, inner = spec.IntermediateSize;
        int queries = spec.NumAttentionHeads * spec.HeadDim, keys = spec.NumKeyValueHeads * spec.HeadDim;

        int chunk = LossChunk(shape);
        IEnumerable<(string Layer, int Rows, int Inputs, int Outputs)> layers =
        [
            ("qkv", tokens, hidden, queries + 2 * keys), ("o", tokens, queries, hidden), ("gate+up", tokens, hidden, 2 * inner), ("down", tokens, inner, hidden),
            ($"head, chunk of {chunk}", chunk, hidden, spec.VocabSize),
        ];
        if (chunk < tokens) layers = layers.Append(("head, whole", tokens, hidden, spec.VocabSize));
        return [.. layers.SelectMany(layer => Linear(layer.Rows, layer.Inputs, layer.Outputs)
            .Select(product => new GemmRow(layer.Layer, product.Name, product.Form, products[product.Form].Count())))];
    }

    /// <summary>The products of one linear layer: x [tokens, inputs], weight [outputs, inputs].</summary>
    public static IEnumerable<(string Name, GemmForm Form)> Linear(int tokens, int inputs, int outputs) =>
    [
        ("forward x·Wᵀ", new(tokens, outputs, inputs, false, true, false)),
        ("input gradient dy·W", new(tokens, inputs, outputs, false, false, false)),
        ("weight gradient dyᵀ·x", new(outputs, inputs, tokens, true, false, false)),
        ("weight gradient, added", new(outputs, inputs, tokens, true, false, true)),
    ];

    /// <summary>Tokens whose logits exist at once: the head is computed for as many tokens at a time as the plan's losses are.</summary>
    public static int LossChunk(ModelShape shape) => Plan(shape).Where(call => call.Op is CrossEntropyWithGradient).Select(call => call.Inputs[0].Rows).DefaultIfEmpty(shape.Tokens).Max();

    /// <summary>The calls of a step with one micro-batch; no memory is allocated for them.</summary>
    static IEnumerable<KernelCall> Plan(ModelShape shape)
    {
        StepProgram program = ProgramBuilder.Training(Transformer.Function(shape.Spec), PlanOptions.Litespark, new OptimizerSettings(), shape.MicroBatch, shape.SequenceLength);
        return StepWork.Of(program, 1).SelectMany(part => part.Plan.Calls);
    }
}
