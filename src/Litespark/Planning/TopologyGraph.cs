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

    /// <summary>Weights, gradients and first moments, in place.</summary>
    public Graph BuildZeroDeadBlocks() => Zero(parameter => [parameter.Weight, parameter.Master, parameter.Gradient, parameter.FirstMoment]);

    /// <summary>Second moments, in place.</summary>
    public Graph BuildZeroSecondMoments() => Zero(parameter => [parameter.SecondMoment]);

    /// <summary>Second moments of dead blocks, in place: the mean of the live ones of their block row.</summary>
    public Graph BuildFillSecondMoments()
    {
        var builder = new GraphBuilder { Phase = Phase.Optimizer };
        foreach (StoredParameter parameter in sparse)
        {
            if (parameter.SecondMoment is not { } moment) continue;
            Value squares = State(builder, moment);
            // They are never negative: the means of their magnitudes are their means.
            builder.Apply(new FillDeadBlocks(parameter.Grid!), squares, State(builder, parameter.Topology!), builder.Apply1(new BlockNorms(parameter.Grid!), squares));
        }

        return builder.Graph;
    }

    Graph Zero(Func<StoredParameter, PersistentTensor?[]> select)
    {
        var builder = new GraphBuilder { Phase = Phase.Optimizer };
        foreach (StoredParameter parameter in sparse)
        {
            Value topology = State(builder, parameter.Topology!);
            foreach (PersistentTensor? tensor in select(parameter))
                if (tensor is not null) builder.Apply(new ZeroDeadBlocks(parameter.Grid!), State(builder, tensor), topology);
        }

        return builder.Graph;
    }

    static Value State(GraphBuilder builder, PersistentTensor tensor) => builder.State(tensor.Name, tensor.Type.Shape, tensor.Type.DataType);
}
