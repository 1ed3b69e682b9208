using Litespark.Graphs;

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
    public static ParameterTable Place(PersistentLayout layout, IReadOnlyList<Value> sources, Func<Value, bool>? hasGradient, OptimizerSettings? optimizer)
    {
        bool Trains(Value value) => hasGradient is not null && value.IsTrainable && hasGradient(value);
        bool Muon(Value value) => optimizer is { UseMuon: true } && Trains(value) && value.Shape.Rank == 2 && optimizer.IsHiddenMatrix(value.Members.Count == 0 ? value.Name : value.Members[0].Name);
        int Group(Value value) => !Trains(value) ? 3 : Muon(value) ? 2 : value.Shape.Rank >= 2 ? 0 : 1;

        Value[] ordered = [.. sources.OrderBy(Group)];
        var stored = ordered.ToDictionary(value => value, value => new StoredParameter(value, layout.Add(WeightName(value.Name), MemoryCategory.Weights, value.Type)) { UsesMuon = Muon(value) });
        Value[] trained = [.. ordered.Where(Trains)];
        foreach (Value value in trained.Where(value => value.Type.DataType != DataType.Float32)) stored[value].Master = AddFloats("master/" + value.Name, MemoryCategory.Optimizer, value);
        foreach (Value value in trained) stored[value].Gradient = AddFloats(ProgramBuilder.GradientName(value.Name), MemoryCategory.Gradients, value);
        foreach (Value value in trained) stored[value].FirstMoment = AddFloats("m/" + value.Name, MemoryCategory.Optimizer, value);
        foreach (Value value in trained.Where(value => !Muon(value))) stored[value].SecondMoment = AddFloats("v/" + value.Name, MemoryCategory.Optimizer, value);
        return new ParameterTable([.. sources.Select(value => stored[value])]);

        PersistentTensor AddFloats(string name, MemoryCategory category, Value value) => layout.Add(name, category, new TensorType(value.Shape));
    }
}
