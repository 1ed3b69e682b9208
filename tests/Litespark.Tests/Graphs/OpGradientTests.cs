using Litespark.Devices.Cpu;
using Litespark.Graphs;
using Litespark.Graphs.Ops;
using Litespark.Models;
using Litespark.Planning.Passes;

namespace Litespark.Tests.Graphs;

/// <summary>Every differentiable op: its value against double precision, its gradient against finite differences.</summary>
public sealed class OpGradientTests : IDisposable
{
    /// <summary>Where each token's document starts, in two sequences of seven tokens.</summary>
    static readonly int[] Documents = [0, 0, 0, 3, 3, 5, 5, 0, 1, 1, 1, 4, 4, 4];

    readonly CpuDevice device = new(2);

    public void Dispose() => device.Dispose();

    [Theory]
    [InlineData(false, false, false)]
    [InlineData(false, true, false)]
    [InlineData(true, false, false)]
    [InlineData(true, true, false)]
    [InlineData(false, false, true)]
    [InlineData(false, true, true)]
    [InlineData(true, false, true)]
    [InlineData(true, true, true)]
    public void Matmul(bool transposeA, bool transposeB, bool bias) => Check(g =>
    {
        Value a = g.Parameter("a", transposeA ? new Shape(5, 7) : new Shape(7, 5)), b = g.Parameter("b", transposeB ? new Shape(9, 5) : new Shape(5, 9));
        var op = new MatMul(transposeA, transposeB, bias);
        return bias ? g.Builder.Apply1(op, a, b, g.Parameter("bias", new Shape(9))) : g.Builder.Apply1(op, a, b);
    });

    [Fact]
    public void Matmul_of_a_matrix_with_itself() => Check(g =>
    {
        Value a = g.Parameter("a", new Shape(6, 6));
        return g.Builder.Add(g.Builder.MatMul(a, a), g.Builder.MatMul(a, a, transposeB: true));
    });

    [Fact]
    public void Embedding() => Check(g => g.Builder.Embedding(g.Indices("indices", 3, 0, 3, 4, 1, 3), g.Parameter("table", new Shape(5, 7))));

    [Theory]
    [InlineData(12)]
    [InlineData(4)]
    public void RmsNorm(int group) => Check(g => g.Builder.RmsNorm(g.Parameter("x", new Shape(5, 12)), g.Parameter("weight", new Shape(group), 1), 1e-5, group));

    [Theory]
    [InlineData(12)]
    [InlineData(4)]
    public void RmsNorm_of_a_sum(int group) => Check(g => Both(g, g.Builder.Apply(new RmsNorm(1e-5f, group, HasResidual: true), AddedTo(g, group, bias: false))));

    [Fact]
    public void LayerNorm() => Check(g
        => g.Builder.LayerNorm(g.Parameter("x", new Shape(5, 12), 1), g.Parameter("weight", new Shape(12), 1), g.Parameter("bias", new Shape(12)), 1e-5));

    [Fact]
    public void LayerNorm_of_a_sum() => Check(g => Both(g, g.Builder.Apply(new LayerNorm(1e-5f, HasResidual: true), AddedTo(g, 12, bias: true))));

    [Theory]
    [InlineData(false, 8)]
    [InlineData(false, 4)]
    [InlineData(true, 8)]
    public void Rope(bool inverse, int rotary) => Check(g =>
    {
        (Value cos, Value sin) = RopeTables.Add(g.Builder, 9, rotary);
        return g.Builder.Apply1(new Rope(8, rotary, inverse), g.Parameter("x", new Shape(4, 16)), g.Indices("positions", 0, 8, 3, 5), cos, sin);
    });

    public static TheoryData<int, int, int, int, bool> Attentions => new()
    {
        { 2, 2, 5, 0, false }, { 4, 2, 6, 0, true }, { 4, 1, 4, 3, true }, { 3, 3, 8, 2, false }, { 2, 1, 6, 100, true },
    };

    [Theory]
    [MemberData(nameof(Attentions))]
    public void Attention_op_by_op(int heads, int keyValueHeads, int headDim, int window, bool documents)
        => Check(g => Attention(g, heads, keyValueHeads, headDim, window, documents));

    [Theory]
    [MemberData(nameof(Attentions))]
    public void Fused_attention(int heads, int keyValueHeads, int headDim, int window, bool documents)
        => Check(g => Attention(g, heads, keyValueHeads, headDim, window, documents), graph =>
        {
            FusedAttention.Run(graph);
            Assert.Contains(graph.Nodes, node => node.Op is Attention);
            Assert.DoesNotContain(graph.Nodes, node => node.Op is HeadProduct or Scale or CausalMask or Softmax);
        });

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Attention_with_patterns(bool fused)
        => Check(g => Attention(g, 4, 2, 6, 5, documents: true, [new(AttentionMode.Strided, 0, 2, 1), new(AttentionMode.Local, 3, 0, 1), new(AttentionMode.Fixed, 2, 0, 1), new(AttentionMode.LocalOrStrided, 2, 4, 2)]), graph =>
        {
            if (fused) FusedAttention.Run(graph);
            Assert.Contains(graph.Nodes, node => node.Op is Attention { HasPattern: true } or CausalMask { HasPattern: true });
        });

    [Theory]
    [InlineData(ActivationKind.Silu)]
    [InlineData(ActivationKind.Gelu)]
    [InlineData(ActivationKind.GeluTanh)]
    [InlineData(ActivationKind.Relu)]
    public void Activation(ActivationKind kind) => Check(g => g.Builder.Activation(g.Parameter("x", new Shape(5, 19), deviation: 2), kind));

    [Theory]
    [InlineData(ActivationKind.Silu)]
    [InlineData(ActivationKind.Gelu)]
    [InlineData(ActivationKind.GeluTanh)]
    [InlineData(ActivationKind.Relu)]
    public void Gated_activation(ActivationKind kind) => Check(g => g.Builder.Apply1(new GatedActivation(kind), g.Parameter("x", new Shape(5, 22), deviation: 2)));

    [Fact]
    public void Add_multiply_scale_copy() => Check(g =>
    {
        Value a = g.Parameter("a", new Shape(4, 11)), b = g.Parameter("b", new Shape(4, 11));
        Value squared = g.Builder.Multiply(a, a), copied = g.Builder.Apply1(new Copy(), g.Builder.Multiply(squared, b));
        return g.Builder.Scale(g.Builder.Add(copied, g.Builder.Add(b, b)), -0.7);
    });

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void Slice_and_concat(int axis) => Check(g =>
    {
        Value x = g.Parameter("x", axis == 0 ? new Shape(9, 4) : new Shape(4, 9));
        Value first = g.Builder.Slice(x, axis, 0, 2), last = g.Builder.Slice(x, axis, 5, 4);
        Value y = g.Builder.Concat(axis, last, g.Builder.Scale(first, 3), first);
        return g.Builder.Multiply(y, g.Builder.Activation(y, ActivationKind.Silu));
    });

    [Fact]
    public void Slices_of_vectors() => Check(g =>
    {
        Value x = g.Parameter("x", new Shape(9));
        return g.Builder.Concat(0, g.Builder.Slice(x, 0, 4, 5), g.Builder.Scale(g.Builder.Slice(x, 0, 1, 3), 2));
    });

    [Fact]
    public void Cross_entropy() => Check(g => g.Builder.CrossEntropy(g.Parameter("logits", new Shape(6, 13), deviation: 3), Targets(g)).Sum);

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Linear_cross_entropy(bool tied) => Check(g =>
    {
        Value weight = g.Parameter("weight", new Shape(13, 8)), x = g.Parameter("x", new Shape(6, 8));
        if (tied) x = g.Builder.Add(x, g.Builder.Embedding(g.Indices("tokens", 5, 5, 0, 12, 1, 2), weight));
        return g.Builder.CrossEntropy(g.Builder.Linear(x, weight), Targets(g)).Sum;
    }, graph =>
    {
        ChunkedLoss.Fuse(graph);
        Assert.DoesNotContain(graph.Nodes, node => node.Op is CrossEntropy);
    }, graph => Assert.Contains(graph.Nodes, node => node.Op is CrossEntropyWithGradient));

    /// <summary>Three chunks; only some elements, since a vocabulary that needs several is large.</summary>
    [Fact]
    public void Linear_cross_entropy_in_chunks() => GradientCheck.Run(device, g =>
    {
        int[] targets = [.. Enumerable.Range(0, 600).Select(i => i % 7 == 3 ? -1 : i * 7919 % 33000)];
        Value weight = g.Parameter("weight", new Shape(33000, 2)), x = g.Parameter("x", new Shape(600, 2));
        return g.Builder.CrossEntropy(g.Builder.Linear(x, weight), g.Indices("targets", targets)).Sum;
    }, ChunkedLoss.Fuse, graph => Assert.Equal(3, graph.Nodes.Count(node => node.Op is CrossEntropyWithGradient)), samples: 1);

    void Check(Func<GraphCase, Value> build, Action<Graph>? fuse = null, Action<Graph>? finish = null) => GradientCheck.Run(device, build, fuse, finish);

    static Value Targets(GraphCase g) => g.Indices("targets", 2, -1, 12, 0, 0, 7);

    /// <summary>x, weight, bias if any, residual.</summary>
    static Value[] AddedTo(GraphCase g, int width, bool bias)
    {
        List<Value> inputs = [g.Parameter("x", new Shape(5, 12)), g.Parameter("weight", new Shape(width), 1)];
        if (bias) inputs.Add(g.Parameter("bias", new Shape(12)));
        return [.. inputs, g.Parameter("residual", new Shape(5, 12))];
    }

    /// <summary>The norm and the sum, side by side.</summary>
    static Value Both(GraphCase g, IReadOnlyList<Value> outputs) => g.Builder.Concat(1, outputs[0], outputs[^1]);

    static Value Attention(GraphCase g, int heads, int keyValueHeads, int headDim, int window, bool documents, AttentionPattern[]? patterns = null)
    {
        var geometry = new AttentionGeometry(2, 7, heads, keyValueHeads, headDim);
        Value q = g.Parameter("q", new Shape(14, heads * headDim)), k = g.Parameter("k", new Shape(14, keyValueHeads * headDim));
        Value v = g.Parameter("v", new Shape(14, keyValueHeads * headDim));
        var buffer = new int[AttentionPatternBuffer.Length(heads)];
        if (patterns is not null) AttentionPatternBuffer.Write(patterns, 0, buffer);
        return g.Builder.Attention(q, k, v, g.Indices("starts", documents ? Documents : new int[14]), geometry, window, 0, patterns is null ? null : g.Indices("pattern", buffer));
    }
}
