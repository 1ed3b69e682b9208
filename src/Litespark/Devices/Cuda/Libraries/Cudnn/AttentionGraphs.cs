using Litespark.Graphs.Ops;

namespace Litespark.Devices.Cuda.Libraries.Cudnn;

/// <summary>
/// Attention and its gradient as graphs of small operations, in the form that cuDNN knows as fused attention: cuDNN compares operations,
/// their order and the types between them with what it has kernels for. The form is that of NVIDIA's frontend (cudnn-frontend 1.23,
/// node/scaled_dot_product_flash_attention.h, softmax.h, diagonal_band_mask.h: what it builds for cuDNN before 9.21, and what the
/// frontends of that time, and CUDA.jl's graph/ops.jl, still hand to later versions).
/// Legend: B sequences, H query heads, KV key heads, T tokens, K columns of a head.
/// </summary>
internal static class AttentionGraphs
{
    const int Rows = 2, Columns = 3; // axes
    const int InfinityIsSafe = 91000; // earlier versions want the lowest number in −∞'s place

    /// <summary>The graph of a problem.</summary>
    public static CudnnGraph Build(LibCudnn library, AttentionProblem problem)
    {
        var graph = new CudnnGraph(library);
        try
        {
            if (problem.GradientStrides is { } gradient) Gradient(graph, problem, gradient, library.Number);
            else Forward(graph, problem, library.Number);
            return graph;
        }
        catch
        {
            graph.Dispose();
            throw;
        }
    }

    /// <summary>Operands q, k, v, o, statistics: o = softmax(scale · q kᵀ) v, statistics = ln Σ exp of each row of scores [B, H, T, 1].</summary>
    static void Forward(CudnnGraph graph, AttentionProblem problem, int version)
    {
        AttentionGeometry g = problem.Geometry;
        long[] scores = Scores(g), row = [g.Sequences, g.Heads, g.SequenceLength, 1];
        CudnnTensor q = Heads(graph, g, g.Heads, problem.Strides.Queries), kT = HeadsTransposed(graph, g, problem.Strides.Keys), v = Heads(graph, g, g.KeyValueHeads, problem.Strides.Values),
            o = Heads(graph, g, g.Heads, problem.Strides.Outputs), statistics = graph.Operand(CudnnData.Float32, row, CudnnGraph.Packed(row));

        CudnnTensor s = graph.Product(q, kT, graph.Between(CudnnData.Float32, scores));
        s = graph.Pointwise(CudnnPointwise.Multiply, s, graph.Scalar(problem.Scale), graph.Between(CudnnData.Float32, scores));
        s = Causal(graph, s, version);
        CudnnTensor max = graph.Reduce(CudnnReduce.Max, s, graph.Between(CudnnData.Float32, row));
        CudnnTensor e = graph.Pointwise(CudnnPointwise.Subtract, s, max, graph.Between(CudnnData.Float32, scores));
        e = graph.Pointwise(CudnnPointwise.Exponential, e, null, graph.Between(CudnnData.Float32, scores));
        CudnnTensor sum = graph.Reduce(CudnnReduce.Add, e, graph.Between(CudnnData.Float32, row));
        CudnnTensor log = graph.Pointwise(CudnnPointwise.Logarithm, sum, null, graph.Between(CudnnData.Float32, row));
        graph.Pointwise(CudnnPointwise.Add, max, log, statistics);
        CudnnTensor p = graph.Pointwise(CudnnPointwise.Divide, e, sum, graph.Between(CudnnData.BFloat16, scores));
        graph.Product(p, v, o);
    }

    /// <summary>
    /// Operands q, k, v, o, statistics, dO, dQ, dK, dV. dQ is a product of its own rather than a sum that grows in memory (which the
    /// frontend builds where the same bits need not come out each time): cuDNN keeps dS [B, H, T, T] in bf16 for it.
    /// </summary>
    static void Gradient(CudnnGraph graph, AttentionProblem problem, AttentionStrides strides, int version)
    {
        AttentionGeometry g = problem.Geometry;
        long[] scores = Scores(g), row = [g.Sequences, g.Heads, g.SequenceLength, 1], outputs = [g.Sequences, g.Heads, g.SequenceLength, g.HeadDim];
        CudnnTensor q = Heads(graph, g, g.Heads, problem.Strides.Queries), kT = HeadsTransposed(graph, g, problem.Strides.Keys), vT = HeadsTransposed(graph, g, problem.Strides.Values),
            o = Heads(graph, g, g.Heads, problem.Strides.Outputs), statistics = graph.Operand(CudnnData.Float32, row, CudnnGraph.Packed(row)), dO = Heads(graph, g, g.Heads, strides.Outputs),
            dQ = Heads(graph, g, g.Heads, strides.Queries), dK = Heads(graph, g, g.KeyValueHeads, strides.Keys), dV = Heads(graph, g, g.KeyValueHeads, strides.Values);

        // Σ dO ∘ o of each row; the factor of one stands where dropout would have its own.
        CudnnTensor delta = graph.Pointwise(CudnnPointwise.Multiply, dO, o, graph.Between(CudnnData.Float32, outputs));
        delta = graph.Reduce(CudnnReduce.Add, delta, graph.Between(CudnnData.Float32, row));
        delta = graph.Pointwise(CudnnPointwise.Multiply, delta, graph.Scalar(1), graph.ScratchTensor(row));

        CudnnTensor scale = graph.Scalar(problem.Scale);
        CudnnTensor p = graph.Product(q, kT, graph.Between(CudnnData.Float32, scores));
        p = graph.Pointwise(CudnnPointwise.Multiply, p, scale, graph.Between(CudnnData.Float32, scores));
        p = graph.Pointwise(CudnnPointwise.Subtract, p, statistics, graph.Between(CudnnData.Float32, scores));
        p = Causal(graph, p, version);
        p = graph.Pointwise(CudnnPointwise.Exponential, p, null, graph.Between(CudnnData.Float32, scores));
        SumOfGroup(graph, g, graph.Transposed(p, CudnnData.BFloat16), dO, dV);

        CudnnTensor dS = graph.Product(dO, vT, graph.Between(CudnnData.Float32, scores));
        dS = graph.Pointwise(CudnnPointwise.Subtract, dS, delta, graph.Between(CudnnData.Float32, scores));
        dS = graph.Pointwise(CudnnPointwise.Multiply, dS, p, graph.Between(CudnnData.Float32, scores));
        dS = graph.Pointwise(CudnnPointwise.Multiply, dS, scale, graph.Between(CudnnData.Float32, scores));
        SumOfGroup(graph, g, graph.Transposed(dS, CudnnData.BFloat16), q, dK);
        graph.Product(dS, graph.Transposed(kT, CudnnData.Float32), dQ);
    }

    /// <summary>result [B, KV, T, K] = left [B, H, T, T] · right [B, H, T, K], summed over the query heads of each key head.</summary>
    static void SumOfGroup(CudnnGraph graph, AttentionGeometry g, CudnnTensor left, CudnnTensor right, CudnnTensor result)
    {
        if (g.Heads == g.KeyValueHeads) graph.Product(left, right, result);
        else graph.Reduce(CudnnReduce.Add, graph.Product(left, right, graph.Between(CudnnData.BFloat16, [g.Sequences, g.Heads, g.SequenceLength, g.HeadDim])), result);
    }

    /// <summary>Scores of later keys become −∞.</summary>
    static CudnnTensor Causal(CudnnGraph graph, CudnnTensor scores, int version)
    {
        CudnnTensor hidden = graph.Scalar(version < InfinityIsSafe ? float.MinValue : float.NegativeInfinity);
        CudnnTensor query = graph.Pointwise(CudnnPointwise.Index, scores, null, graph.Between(CudnnData.Int32, scores.Dimensions), axis: Rows);
        CudnnTensor key = graph.Pointwise(CudnnPointwise.Index, scores, null, graph.Between(CudnnData.Int32, scores.Dimensions), axis: Columns);
        CudnnTensor sees = graph.Pointwise(CudnnPointwise.GreaterOrEqual, query, key, graph.Between(CudnnData.Boolean, scores.Dimensions), CudnnData.Boolean);
        return graph.Pointwise(CudnnPointwise.Select, scores, hidden, graph.Between(CudnnData.Float32, scores.Dimensions), selector: sees);
    }

    static long[] Scores(AttentionGeometry g) => [g.Sequences, g.Heads, g.SequenceLength, g.SequenceLength];

    /// <summary>Heads lie beside each other in the rows of a matrix [B · T, heads · K].</summary>
    static CudnnTensor Heads(CudnnGraph graph, AttentionGeometry g, int heads, long stride)
        => graph.Operand(CudnnData.BFloat16, [g.Sequences, heads, g.SequenceLength, g.HeadDim], [g.SequenceLength * stride, g.HeadDim, stride, 1]);

    static CudnnTensor HeadsTransposed(CudnnGraph graph, AttentionGeometry g, long stride)
        => graph.Operand(CudnnData.BFloat16, [g.Sequences, g.KeyValueHeads, g.HeadDim, g.SequenceLength], [g.SequenceLength * stride, g.HeadDim, 1, stride]);
}
