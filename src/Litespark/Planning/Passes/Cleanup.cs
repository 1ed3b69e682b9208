using Litespark.Graphs;

namespace Litespark.Planning.Passes;

/// <summary>Removes nodes whose results nobody reads.</summary>
internal static class Cleanup
{
    public static void Run(Graph graph)
    {
        var live = new HashSet<Value>(graph.Outputs.Select(output => output.Value));
        var kept = new List<Node>();
        foreach (Node node in graph.Nodes.Reverse())
        {
            if (node.Op.MutatedInputs.Count == 0 && !node.Outputs.Any(live.Contains)) continue;
            live.UnionWith(node.Inputs);
            kept.Add(node);
        }

        kept.Reverse();
        if (kept.Count < graph.Nodes.Count) graph.SetNodes(kept);
    }
}
