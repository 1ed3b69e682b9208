using Litespark.Graphs;
using Litespark.Graphs.Ops;

namespace Litespark.Planning;

/// <summary>What a change of topology needs beside a step's plans: scores of all blocks before it, zeros in what died after it.</summary>
internal sealed class TopologyGraph
{
    readonly StoredParameter[] sparse;

    public TopologyGraph(ParameterTable parameters) => sparse = [.. parameters.Stored.Where(parameter => parameter.Grid is not null)];

    /// <summary>weights, gradients → their blocks' norms.</summary>
    public Graph BuildBlockNorms()
    {
        var builder = new GraphBuilder { Phase = Phase.Optimizer };
        foreach (StoredParameter parameter in sparse)
        {
            (PersistentTensor weights, PersistentTensor gradients) = parameter.BlockNorms!.Value;
            builder.Graph.AddOutput(weights.Name, builder.Apply1(new BlockNorms(parameter.Grid!), State(builder, parameter.Master ?? parameter.Weight)));
            builder.Graph.AddOutput(gradients.Name, builder.Apply1(new BlockNorms(parameter.Grid!), State(builder, parameter.Gradient!)));
        }

        return builder.Graph;
    }

    /// <summary>Weights, gradients and moments, in place.</summary>
    public Graph BuildZeroDeadBlocks()
    {
        var builder = new GraphBuilder { Phase = Phase.Optimizer };
        foreach (StoredParameter parameter in sparse)
        {
            Value topology = State(builder, parameter.Topology!);
            foreach (PersistentTensor? tensor in new[] { parameter.Weight, parameter.Master, parameter.Gradient, parameter.FirstMoment, parameter.SecondMoment })
                if (tensor is not null) builder.Apply(new ZeroDeadBlocks(parameter.Grid!), State(builder, tensor), topology);
        }

        return builder.Graph;
    }

    static Value State(GraphBuilder builder, PersistentTensor tensor) => builder.State(tensor.Name, tensor.Type.Shape, tensor.Type.DataType);
}
