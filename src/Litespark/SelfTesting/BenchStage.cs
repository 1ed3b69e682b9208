using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Litespark.Benchmarking;
using Litespark.Planning;
using Litespark.Recipes;

namespace Litespark.SelfTesting;

/// <summary>Both plans of each model: each alone at growing micro-batches, then both in turns.</summary>
internal sealed class BenchStage : SelfTestStage
{
    public override string Name => "bench";

    public override string Purpose => "both plans at growing micro-batches until memory is full, their kernels, and both in turns";

    public override string? Run(SelfTestContext context)
    {
        foreach (SelfTestModel model in context.Settings.Models)
        {
            var losses = new Dictionary<int, double>();
            foreach ((string name, Func<BenchmarkWorkload, PlanOptions> plan) in Plans)
                Try($"{model.Preset}, {name}", () => MicroBatches.Sweep(context, model, name, plan, losses));
            Try($"{model.Preset}, in turns", () => InTurns(context, model));
        }

        return null;

        void Try(string name, Action run)
        {
            if (context.Wants(name) && context.HasTime()) context.Try(name, run);
        }
    }

    /// <summary>The two plans.</summary>
    internal static IReadOnlyList<(string Name, Func<BenchmarkWorkload, PlanOptions> Plan)> Plans { get; } = [("litespark", workload => workload.LitesparkPlan), ("baseline", workload => workload.BaselinePlan)];

    /// <summary>At the largest micro-batch at which both lie in memory at once.</summary>
    static void InTurns(SelfTestContext context, SelfTestModel model)
    {
        if (MicroBatches.Fitting(context, model, workload => [workload.Build(workload.BaselinePlan), workload.Build(workload.LitesparkPlan)]) is not { } fitting)
        {
            context.Add(true, new JsonObject { ["model"] = model.Preset, ["left_out"] = "both plans do not fit at once" });
            return;
        }

        // Passes cost a load each, and energy has a stage of its own.
        using var benchmark = new PlanBenchmark(Recipe(fitting, context), context.Device, BenchmarkSettings.Quick with { PassRounds = 0, EnergyWindows = 0 }, context.Status, context.Deadline);
        context.Add(true, Json(benchmark.Run()));
    }

    /// <summary>A step of the model on random tokens.</summary>
    internal static LoadedRecipe Recipe(SelfTestModel model, SelfTestContext context)
    {
        const string Origin = "selftest";
        return RecipeLoader.Load("", model.Preset,
        [
            new("model.preset", model.Preset, Origin), new("data.source", "synthetic", Origin),
            new("training.sequence_length", $"{model.SequenceLength}", Origin), new("training.micro_batch_size", $"{model.MicroBatch}", Origin),
            new("training.global_batch_tokens", "null", Origin), new("optimizer.name", "adamw", Origin), new("engine.device", context.Device.Name, Origin),
            new("model.vocab_size", context.Settings.Small ? $"{SelfTestSettings.SmallVocabulary}" : "null", Origin),
        ]);
    }

    static JsonObject Json(BenchmarkReport report)
    {
        using var stream = new MemoryStream();
        using (var writer = new Utf8JsonWriter(stream))
        {
            writer.WriteStartObject();
            BenchmarkJson.WriteMembers(writer, report);
            writer.WriteEndObject();
        }

        return JsonNode.Parse(Encoding.UTF8.GetString(stream.ToArray()))!.AsObject();
    }
}
