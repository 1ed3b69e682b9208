namespace Litespark.Planning;

/// <summary>What a program's memory is for, in bytes; the parts add up to <see cref="Total"/>.</summary>
/// <param name="Weights">Parameters.</param>
/// <param name="Gradients">Their gradients.</param>
/// <param name="Optimizer">Moments.</param>
/// <param name="Activations">Results of the forward pass that live into the backward pass.</param>
/// <param name="Workspace">All else: what comes and goes within a pass, inputs, constants, results, gaps, kernels' scratch memory.</param>
/// <param name="Total">Both arenas and the scratch memory: what a device allocates.</param>
public sealed record MemoryForecast(long Weights, long Gradients, long Optimizer, long Activations, long Workspace, long Total)
{
    /// <summary>Reads a program's memory off its plans.</summary>
    public static MemoryForecast Of(StepProgram program)
    {
        ArgumentNullException.ThrowIfNull(program);
        long weights = program.Layout.BytesOf(MemoryCategory.Weights), gradients = program.Layout.BytesOf(MemoryCategory.Gradients);
        long optimizer = program.Layout.BytesOf(MemoryCategory.Optimizer), activations = program.Plans.Values.Max(plan => plan.ActivationBytes);
        long workspace = program.TotalBytes - weights - gradients - optimizer - activations;
        return new MemoryForecast(weights, gradients, optimizer, activations, workspace, program.TotalBytes);
    }
}
