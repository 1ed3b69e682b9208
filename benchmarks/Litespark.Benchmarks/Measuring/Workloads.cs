using Litespark.Benchmarking;
using Litespark.Models;
using Litespark.Planning;
using Litespark.Recipes;

namespace Litespark.Benchmarks.Measuring;

/// <summary>Training steps of the presets on random tokens, as `litespark bench` runs them.</summary>
internal static class Workloads
{
    /// <summary>A model's step on a device; a sequence longer than the preset's positions makes those longer.</summary>
    public static BenchmarkWorkload Of(ModelShape shape, IDevice device)
    {
        var keys = new List<string>
        {
            $"model: {{preset: {shape.Preset}, max_position_embeddings: {Math.Max(shape.SequenceLength, shape.Spec.MaxPositionEmbeddings)}}}",
            "data: {source: synthetic}",
            $"training: {{sequence_length: {shape.SequenceLength}, micro_batch_size: {shape.MicroBatch}}}",
        };
        return BenchmarkWorkload.Of(RecipeLoader.Load(string.Join('\n', keys), $"{shape.Preset}, {shape.MicroBatch} × {shape.SequenceLength}"), device);
    }

    /// <summary>The options of a plan by its name.</summary>
    /// <exception cref="UserErrorException">There is no such plan.</exception>
    public static PlanOptions Plan(BenchmarkWorkload workload, string name) => name switch
    {
        "baseline" => workload.BaselinePlan,
        "litespark" => workload.LitesparkPlan,
        _ => throw new UserErrorException($"--plan: expected baseline or litespark, found '{name}'."),
    };

    /// <summary>Model FLOPs of a token, by MFU's convention.</summary>
    public static double ModelFlops(ModelShape shape) => ParameterCatalog.FlopsPerToken(shape.Spec, shape.SequenceLength);

    /// <summary>Refuses what this machine's memory does not hold.</summary>
    /// <exception cref="UserErrorException">It does not.</exception>
    public static void CheckMemory(IEnumerable<(BenchmarkWorkload Workload, PlanOptions Plan)> together, string help)
    {
        long needed = together.Sum(item => item.Workload.Build(item.Plan).TotalBytes), available = MachineMemory.Available;
        if (needed > available) throw new UserErrorException($"These plans need {needed / 1e9:F1} GB at once, and {available / 1e9:F1} GB are free. {help}");
    }
}
