using System.Diagnostics;
using System.Text.Json.Nodes;
using Litespark.Benchmarking;
using Litespark.Energy;
using Litespark.Planning;
using Litespark.Recipes;
using Litespark.Training;

namespace Litespark.SelfTesting;

/// <summary>Joules per token of both plans, over windows long enough for the counter.</summary>
internal sealed class EnergyStage : SelfTestStage
{
    /// <summary>A GPU's counter moves some ten times a second: shorter windows are imprecise.</summary>
    static readonly TimeSpan Window = TimeSpan.FromSeconds(10);

    public override string Name => "energy";

    public override string Purpose => "joules per token of both plans, over ten seconds each";

    public override string? Run(SelfTestContext context)
    {
        foreach (SelfTestModel model in context.Settings.Models)
        {
            LoadedRecipe recipe = BenchStage.Recipe(model, context);
            using IEnergyMeter meter = EnergyMeters.Open(RecipeSettings.Energy(recipe.Recipe.Energy, context.Device));
            if (meter.IsEstimate) return $"nothing can be measured here: {meter.Explanation}";
            foreach ((string name, Func<BenchmarkWorkload, PlanOptions> plan) in BenchStage.Plans)
            {
                if (!context.HasTime()) return null;
                context.Try($"{model.Preset}, {name}", () => Measure(context, meter, model, name, plan));
            }
        }

        return null;
    }

    static void Measure(SelfTestContext context, IEnergyMeter meter, SelfTestModel model, string name, Func<BenchmarkWorkload, PlanOptions> plan)
    {
        if (MicroBatches.Fitting(context, model, workload => [workload.Build(plan(workload))]) is not { } fitting)
        {
            context.Add(true, new JsonObject { ["model"] = model.Preset, ["plan"] = name, ["left_out"] = "one sequence does not fit" });
            return;
        }

        BenchmarkWorkload workload = MicroBatches.Workload(context, fitting);
        context.Add(true, Measure(workload.Load(plan(workload)), meter, workload.Tokens, fitting, name, context.Deadline));
    }

    static JsonObject Measure(BenchmarkSubject subject, IEnergyMeter meter, long tokensPerStep, SelfTestModel model, string plan, CancellationToken deadline)
    {
        using (subject)
        {
            subject.WarmUp(3, TimeSpan.Zero, deadline);
            EnergyWindow window = EnergyWindow.Begin(meter);
            var clock = Stopwatch.StartNew();
            long steps = 0;
            while (clock.Elapsed < Window) steps += subject.RunSteps(deadline);
            EnergyReading used = window.End();
            return new JsonObject
            {
                ["model"] = model.Preset, ["plan"] = plan, ["sequence_length"] = model.SequenceLength, ["micro_batch"] = model.MicroBatch, ["steps"] = steps, ["seconds"] = used.Seconds,
                ["tokens_per_second"] = steps * tokensPerStep / used.Seconds, ["joules_per_token"] = used.Joules / (steps * tokensPerStep), ["watts"] = used.Watts, ["energy_source"] = meter.Source,
            };
        }
    }
}
