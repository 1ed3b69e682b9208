using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Litespark.Benchmarking;
using Litespark.Recipes;

namespace Litespark.SelfTesting;

/// <summary>Both plans in turns, and every kernel, for each model.</summary>
internal sealed class BenchStage : SelfTestStage
{
    public override string Name => "bench";

    public override string Purpose => "both plans in turns, and every kernel";

    public override string? Run(SelfTestContext context)
    {
        foreach (SelfTestModel model in context.Settings.Models)
        {
            if (!context.HasTime()) return null;
            context.Try(model.Preset, () =>
            {
                using var benchmark = new PlanBenchmark(Recipe(model, context), context.Device, BenchmarkSettings.Quick, context.Status);
                context.Add(true, Json(benchmark.Run()));
            });
        }

        return null;
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
