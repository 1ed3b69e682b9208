using Litespark.Devices.Cpu;
using Litespark.Graphs;
using Litespark.Graphs.Ops;
using Litespark.Planning.Passes;

namespace Litespark.Tests.Graphs;

/// <summary>A fused op and the smaller ops that it decomposes into are the same function: both are held against one reference.</summary>
public sealed class DecompositionTests : IDisposable
{
    readonly CpuDevice device = new(2);

    public void Dispose() => device.Dispose();

    public static TheoryData<string> FusedOps => ["rms_norm", "rms_norm_groups", "layer_norm", "gated_silu", "gated_gelu", "gated_gelu_tanh", "gated_relu"];

    [Theory]
    [MemberData(nameof(FusedOps))]
    public void A_fused_op_equals_its_parts(string name)
    {
        Value Build(GraphCase g)
        {
            Op op = OpOf(name);
            Value x = g.Parameter("x", new Shape(6, 16));
            Value[] inputs = op switch
            {
                RmsNorm norm => [x, g.Parameter("weight", new Shape(norm.GroupSize), 1), g.Parameter("residual", x.Shape)],
                LayerNorm => [x, g.Parameter("weight", new Shape(16), 1), g.Parameter("bias", new Shape(16)), g.Parameter("residual", x.Shape)],
                _ => [x],
            };
            IReadOnlyList<Value> outputs = g.Builder.Apply(op, inputs);
            return outputs.Count == 1 ? outputs[0] : g.Builder.Concat(1, outputs[0], outputs[^1]);
        }

        GradientCheck.Run(device, Build);
        GradientCheck.Run(device, Build, Decompose);
    }

    static Op OpOf(string name) => name switch
    {
        "rms_norm" => new RmsNorm(1e-5f, 16, HasResidual: true),
        "rms_norm_groups" => new RmsNorm(1e-5f, 4, HasResidual: true),
        "layer_norm" => new LayerNorm(1e-5f, HasResidual: true),
        "gated_silu" => new GatedActivation(ActivationKind.Silu),
        "gated_gelu" => new GatedActivation(ActivationKind.Gelu),
        "gated_gelu_tanh" => new GatedActivation(ActivationKind.GeluTanh),
        "gated_relu" => new GatedActivation(ActivationKind.Relu),
        _ => throw new ArgumentException(name),
    };

    static void Decompose(Graph graph)
    {
        var rewriter = new GraphRewriter(graph);
        int count = 0;
        foreach (Node node in graph.Nodes)
        {
            if (node.Op.Decompose(new GraphBuilder(new Graph()), node) is null) continue;
            count++;
            rewriter.Replace(node, builder =>
            {
                IReadOnlyList<Value> outputs = node.Op.Decompose(builder, node)!;
                Assert.Equal(node.Outputs.Select(output => output.Type), outputs.Select(output => output.Type));
                for (int i = 0; i < outputs.Count; i++) rewriter.Substitute(node.Outputs[i], outputs[i]);
            });
        }

        rewriter.Apply();
        Assert.Equal(1, count);
        Assert.DoesNotContain(graph.Nodes, node => node.Op is GatedActivation or RmsNorm { HasResidual: true } or LayerNorm { HasResidual: true });
    }
}
