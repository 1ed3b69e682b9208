using Litespark.Graphs;

namespace Litespark.Planning.Passes;

/// <summary>Replaces fused ops that a device has no kernel for by the smaller ops that they stand for.</summary>
internal static class DecomposeUnsupported
{
    public static void Run(Graph graph, DeviceProfile device)
    {
        var rewriter = new GraphRewriter(graph);
        foreach (Node node in graph.Nodes.Where(node => !device.Supports(node.Op)))
        {
            rewriter.Replace(node, builder =>
            {
                var current = new Node(node.Op, [.. node.Inputs.Select(rewriter.Current)], node.Outputs, node.Phase, node.Layer);
                IReadOnlyList<Value?> outputs = node.Op.Decompose(builder, current)
                    ?? throw new NotSupportedException($"{device.Name} has no kernel for {node.Op.Name}, and it has no smaller parts");
                for (int i = 0; i < outputs.Count; i++)
                    if (outputs[i] is { } output) rewriter.Substitute(node.Outputs[i], output);
            });
        }

        rewriter.Apply();
    }
}
