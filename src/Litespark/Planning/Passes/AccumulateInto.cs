using Litespark.Graphs;
using Litespark.Graphs.Ops;

namespace Litespark.Planning.Passes;

/// <summary>
/// Folds additions into the op that makes one of the summands, which then adds into memory instead of overwriting it:
/// sums of gradients, and the running sum over micro-batches, cost no pass of their own.
/// </summary>
internal static class AccumulateInto
{
    public static void Run(Graph graph)
    {
        while (Step(graph)) { }
    }

    /// <summary>One sweep; additions can form chains, of which a sweep folds every other link.</summary>
    static bool Step(Graph graph)
    {
        var rewriter = new GraphRewriter(graph);
        Dictionary<Node, int> position = graph.Nodes.Select((node, index) => (node, index)).ToDictionary(pair => pair.node, pair => pair.index);
        bool changed = false;
        foreach (Node add in graph.Nodes.Where(node => node.Op is Add && node.Phase != Phase.Forward))
        {
            for (int side = 0; side < 2; side++)
            {
                (Value summand, Value addend) = (add.Inputs[side], add.Inputs[1 - side]);
                if (FoldPoint(summand, add, rewriter) is not { } point || rewriter.IsClaimed(point.Node) || rewriter.IsClaimed(add)) continue;
                int defined = addend.Producer is { } producer ? position[producer] : -1;
                if (defined >= position[point.Node] || (addend.Producer is { } p && rewriter.IsClaimed(p)) || summand == addend) continue;
                Fold(rewriter, add, summand, addend, point.Node, point.Output);
                changed = true;
                break;
            }
        }

        rewriter.Apply();
        return changed;
    }

    /// <summary>The op that can take the addend: the summand's producer, or the start of its chain of accumulations.</summary>
    static (Node Node, int Output)? FoldPoint(Value summand, Node reader, GraphRewriter rewriter)
    {
        while (summand.Producer is { } node && rewriter.OnlyUse(summand) == reader)
        {
            int output = Enumerable.Range(0, node.Outputs.Count).First(i => node.Outputs[i] == summand);
            if (!node.Op.CanAccumulate(output)) return null;
            if (node.AddendOf(output) is not { } earlier) return (node, output);
            (summand, reader) = (earlier, node);
        }

        return null;
    }

    static void Fold(GraphRewriter rewriter, Node add, Value summand, Value addend, Node node, int output)
    {
        rewriter.Replace(node, builder =>
        {
            IReadOnlyList<Value> outputs = builder.Apply(node.Op.WithAddend(output), [.. node.Inputs.Select(rewriter.Current), rewriter.Current(addend)], null);
            for (int i = 0; i < outputs.Count; i++) rewriter.Substitute(node.Outputs[i], outputs[i]);
        });
        rewriter.Remove(add);
        rewriter.Substitute(add.Output, summand);
    }
}
