using Litespark.Graphs;
using Litespark.Planning.Passes;

namespace Litespark.Planning;

/// <summary>
/// Orders parameters, gradients and moments in persistent memory. Parameters that are updated alike are neighbours, so
/// that one kernel call can update them all.
/// </summary>
internal static class ParameterPlacement
{
    public static string WeightName(string parameter) => "weights/" + parameter;

    /// <param name="layout">Where to place.</param>
    /// <param name="sources">Parameters as the forward passes left them.</param>
    /// <param name="hasGradient">Which get gradient and moments; null = a program that doesn't train.</param>
    /// <param name="optimizer">Decides the moments.</param>
    /// <param name="sparsity">Which are block-sparse; null = none.</param>
    public static ParameterTable Place(PersistentLayout layout, IReadOnlyList<Value> sources, Func<Value, bool>? hasGradient, OptimizerSettings? optimizer, SparsitySettings? sparsity)
    {
        bool Trains(Value value) => hasGradient is not null && value.IsTrainable && hasGradient(value);
        bool Sparse(Value value) => sparsity is not null && Trains(value) && value.Shape.Rank == 2 && IsSparse(value, sparsity);
        bool Muon(Value value) => !Sparse(value) && optimizer is { UseMuon: true } && Trains(value) && value.Shape.Rank == 2 && optimizer.IsHiddenMatrix(value.Members.Count == 0 ? value.Name : value.Members[0].Name);
        int Group(Value value) => !Trains(value) ? 4 : Sparse(value) ? 3 : Muon(value) ? 2 : value.Shape.Rank >= 2 ? 0 : 1;

        Value[] ordered = [.. sources.OrderBy(Group)];
        var stored = ordered.ToDictionary(value => value, value => new StoredParameter(value, layout.Add(WeightName(value.Name), MemoryCategory.Weights, value.Type)) { UsesMuon = Muon(value) });
        Value[] trained = [.. ordered.Where(Trains)];
        foreach (Value value in trained.Where(value => value.Type.DataType != DataType.Float32)) stored[value].Master = AddFloats("master/" + value.Name, MemoryCategory.Optimizer, value);
        foreach (Value value in trained) stored[value].Gradient = AddFloats(ProgramBuilder.GradientName(value.Name), MemoryCategory.Gradients, value);
        foreach (Value value in trained) stored[value].FirstMoment = AddFloats("m/" + value.Name, MemoryCategory.Optimizer, value);
        foreach (Value value in trained.Where(value => !Muon(value))) stored[value].SecondMoment = AddFloats("v/" + value.Name, MemoryCategory.Optimizer, value);
        foreach (Value value in trained.Where(Sparse)) PlaceTopology(layout, stored[value], value, sparsity!);
        return new ParameterTable([.. sources.Select(value => stored[value])]);

        PersistentTensor AddFloats(string name, MemoryCategory category, Value value) => layout.Add(name, category, new TensorType(value.Shape));
    }

    static void PlaceTopology(PersistentLayout layout, StoredParameter parameter, Value value, SparsitySettings sparsity)
    {
        BlockGrid grid = BlockGrid.Of([.. parameter.Members.Select(member => member.Shape.Rows)], value.Shape.Columns, sparsity.BlockRows, sparsity.BlockColumns);
        PersistentTensor Add(string name, TensorType type) => layout.Add(name, MemoryCategory.Exchange, type);
        parameter.Grid = grid;
        parameter.Topology = Add(BlockSparsity.TopologyName(value.Name), new TensorType(new Shape(grid.TopologyLength), DataType.Int32));
        var norms = new TensorType(new Shape(grid.Count));
        parameter.BlockNorms = (Add("block_norms/weights/" + value.Name, norms), Add("block_norms/gradients/" + value.Name, norms));
    }

    static bool IsSparse(Value value, SparsitySettings sparsity)
    {
        Value[] members = value.Members.Count == 0 ? [value] : [.. value.Members];
        bool isSparse = sparsity.IsSparse(members[0].Name);
        if (members.Any(member => sparsity.IsSparse(member.Name) != isSparse))
            throw new InvalidOperationException($"{value.Name}: its members ({string.Join(", ", members.Select(member => member.Name))}) are stored together and must be all sparse or all dense");
        return isSparse;
    }
}
