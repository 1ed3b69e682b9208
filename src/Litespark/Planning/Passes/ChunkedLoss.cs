using Litespark.Graphs;
using Litespark.Graphs.Ops;

namespace Litespark.Planning.Passes;

/// <summary>Head projection and cross-entropy as one op, until <see cref="ChunkedLoss"/> expands it: x [N, D], weight [V, D], targets [N] → token losses [N].</summary>
internal sealed record LinearCrossEntropy : Op
{
    public override string Name => "linear_cross_entropy";

    public override bool TakesScalarGradient => true;

    public override IReadOnlyList<TensorType> Infer(IReadOnlyList<Value> inputs) => [new(new Shape(inputs[0].Shape.Rows))];

    public override void Differentiate(Node node, GradientContext context)
    {
        IReadOnlyList<Value> gradients = context.Builder.Apply(new LinearCrossEntropyGradient(),
            node.Inputs[0], node.Inputs[1], node.Inputs[2], context.Of(node.Output)!);
        context.Add(node.Inputs[0], gradients[0]);
        context.Add(node.Inputs[1], gradients[1]);
    }
}

/// <summary>x, weight, targets, scale [1] → dx, dWeight.</summary>
internal sealed record LinearCrossEntropyGradient : Op
{
    public override string Name => "linear_cross_entropy_gradient";

    public override IReadOnlyList<TensorType> Infer(IReadOnlyList<Value> inputs)
        => inputs[3].Shape.Length == 1 ? [inputs[0].Type, new(inputs[1].Shape, inputs[1].GradientType)] : throw new ArgumentException($"{Name}: token losses must be summed as they are");
}

/// <summary>
/// Logits are made, turned into losses and gradients, and used up a few hundred tokens at a time: the [N, V] matrix never
/// exists, and neither does its gradient. The gradients are computed in the forward pass, which is right because the loss
/// is a mean whose factor is known before the step.
/// </summary>
internal static class ChunkedLoss
{
    // Fewer rows would not be worth the packing of the head's weight, which every chunk repeats.
    const int ShortestChunk = 256;

    // The planner's time grows with the square of their number: a micro-batch of many millions of tokens has longer ones.
    const int MostChunks = 1024;

    /// <summary>Forward stage: finds the pattern.</summary>
    public static void Fuse(Graph graph)
    {
        var rewriter = new GraphRewriter(graph);
        foreach (Node loss in graph.Nodes.Where(node => node.Op is CrossEntropy))
        {
            if (loss.Inputs[0].Producer is not { Op: MatMul { TransposeA: false, TransposeB: true, HasBias: false, Alpha: 1f } } head) continue;
            if (rewriter.OnlyUse(head.Output) != loss || rewriter.Uses.ContainsKey(loss.Outputs[1])) continue;
            rewriter.Replace(loss, builder => rewriter.Substitute(loss.Outputs[0],
                builder.Apply1(new LinearCrossEntropy(), rewriter.Current(head.Inputs[0]), head.Inputs[1], loss.Inputs[1])));
            rewriter.Remove(head);
        }

        rewriter.Apply();
    }

    /// <summary>Joint stage: expands into chunks, forward and gradient together where there is a gradient.</summary>
    public static void Expand(Graph graph, long chunkElements)
    {
        var rewriter = new GraphRewriter(graph);
        foreach (Node loss in graph.Nodes.Where(node => node.Op is LinearCrossEntropy))
        {
            Node? gradient = graph.Nodes.FirstOrDefault(node => node.Op is LinearCrossEntropyGradient && node.Inputs.Take(3).SequenceEqual(loss.Inputs));
            bool needsInput = gradient is not null && IsUsed(gradient.Outputs[0], rewriter), needsWeight = gradient is not null && IsUsed(gradient.Outputs[1], rewriter);
            rewriter.Replace(loss, builder => EmitChunks(builder, rewriter, loss, gradient, needsInput, needsWeight, chunkElements));
            if (gradient is not null) rewriter.Remove(gradient);
        }

        rewriter.Apply();
    }

    static bool IsUsed(Value value, GraphRewriter rewriter) => rewriter.Uses.ContainsKey(value) || rewriter.OutputValues.Contains(value);

    static void EmitChunks(GraphBuilder builder, GraphRewriter rewriter, Node loss, Node? gradient, bool needsInput, bool needsWeight, long chunkElements)
    {
        (Value x, Value weight, Value targets) = (rewriter.Current(loss.Inputs[0]), loss.Inputs[1], loss.Inputs[2]);
        int rows = x.Shape.Rows;
        int chunk = ChunkRows(rows, weight.Shape.Rows, chunkElements);
        List<Value> losses = [], inputGradients = [];
        Value? weightGradient = null;
        for (int start = 0; start < rows; start += chunk)
        {
            int length = Math.Min(chunk, rows - start);
            builder.Phase = Phase.Forward;
            Value part = builder.Slice(x, 0, start, length), target = builder.Slice(targets, 0, start, length);
            Value logits = builder.Linear(part, weight);
            if (gradient is null)
            {
                losses.Add(builder.Apply(new CrossEntropy(), logits, target)[0]);
                continue;
            }

            IReadOnlyList<Value> outputs = builder.Apply(new CrossEntropyWithGradient(), logits, target, gradient.Inputs[3]);
            losses.Add(outputs[0]);
            builder.Phase = Phase.Backward;
            if (needsInput) inputGradients.Add(builder.MatMul(outputs[1], weight));
            if (needsWeight)
                weightGradient = weightGradient is null
                    ? builder.MatMul(outputs[1], part, transposeA: true, resultType: weight.GradientType)
                    : builder.Apply1(weightGradient.Producer!.Op with { Addends = AddendList.None.Append(0) }, outputs[1], part, weightGradient);
        }

        builder.Phase = Phase.Forward;
        rewriter.Substitute(loss.Output, builder.Concat(0, [.. losses]));
        builder.Phase = Phase.Backward;
        if (needsInput) rewriter.Substitute(gradient!.Outputs[0], builder.Concat(0, [.. inputGradients]));
        if (needsWeight) rewriter.Substitute(gradient!.Outputs[1], weightGradient!);
    }

    /// <summary>Equal chunks of a multiple of 16 rows, of about <paramref name="chunkElements"/> logits where that does not make too many.</summary>
    static int ChunkRows(int rows, int vocabulary, long chunkElements)
    {
        long wanted = Math.Max(Math.Clamp(chunkElements / vocabulary, ShortestChunk, 4096), rows / MostChunks);
        long chunks = (rows + wanted - 1) / wanted;
        long size = (rows + chunks - 1) / chunks;
        return (int)Math.Min(rows, (size + 15) / 16 * 16);
    }
}
