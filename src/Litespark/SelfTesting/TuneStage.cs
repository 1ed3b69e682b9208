using System.Text.Json.Nodes;
using Litespark.Benchmarking;
using Litespark.Planning;

namespace Litespark.SelfTesting;

/// <summary>Every way to compute the products and the attention of the models' steps, timed; what is fastest is kept for later stages and runs.</summary>
internal sealed class TuneStage : SelfTestStage
{
    public override string Name => "tune";

    public override string Purpose => "every algorithm for every product of the models, and our own kernels beside them";

    public override string? Run(SelfTestContext context)
    {
        if (context.Device is not ITunable device) return $"on {context.Device.Name} there is one way to compute each call";
        foreach (SelfTestModel model in context.Settings.Models)
        {
            context.Status($"tune: {model.Preset}");
            context.Try(model.Preset, () =>
            {
                BenchmarkWorkload workload = BenchmarkWorkload.Of(BenchStage.Recipe(model, context), context.Device);
                foreach (TuningFinding finding in device.Tune([workload.Build(workload.LitesparkPlan), workload.Build(workload.BaselinePlan)]))
                {
                    context.Add(finding.Chosen is not null, Line(model, finding));
                    if (!context.HasTime()) return;
                }
            });
            if (!context.HasTime()) return null;
        }

        return null;
    }

    static JsonObject Line(SelfTestModel model, TuningFinding finding)
    {
        var line = new JsonObject
        {
            ["model"] = $"{model.Preset}:{model.SequenceLength}:{model.MicroBatch}", ["op"] = finding.Op, ["form"] = finding.Form, ["calls"] = finding.Calls, ["gflop"] = FiveDigits(finding.Flops / 1e9),
        };
        if (finding.Problem is { } problem) line["error"] = problem;
        if (finding.LeftOut is { } leftOut) line["left_out"] = leftOut;
        line["timed"] = finding.Variants.Count;
        line["chosen"] = Figures(finding.Chosen, finding.Flops);
        line["runner_up"] = Figures(finding.Variants.FirstOrDefault(variant => variant != finding.Chosen), finding.Flops);
        TimedVariant[] own = [.. finding.Variants.Where(variant => variant.IsOwn)];
        line["own"] = Figures(own.FirstOrDefault(), finding.Flops);
        if (own.Length > 1) line["own_others"] = new JsonArray([.. own.Skip(1).Select(variant => Figures(variant, finding.Flops))]);
        return line;
    }

    static JsonObject? Figures(TimedVariant? variant, double flops) => variant is null ? null : new JsonObject
    {
        ["name"] = variant.Name, ["ms"] = FiveDigits(variant.Milliseconds), ["tflops"] = FiveDigits(flops / variant.Milliseconds / 1e9),
    };

    static double FiveDigits(double value) => double.Parse($"{value:g5}");
}
