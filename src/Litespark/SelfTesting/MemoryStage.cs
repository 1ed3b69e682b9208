using System.Text.Json.Nodes;
using Litespark.Benchmarking;
using Litespark.Planning;

namespace Litespark.SelfTesting;

/// <summary>Every memory-bound call of the models' steps by itself: bytes a second beside those of a copy, in every form that the device has for it.</summary>
internal sealed class MemoryStage : SelfTestStage
{
    /// <summary>Shorter calls measure the launch.</summary>
    const double SmallestBytes = 2 << 20;

    public override string Name => "memory";

    public override string Purpose => "memory-bound calls of the models' steps in GB/s beside a copy, forms of their kernels beside each other";

    public override string? Run(SelfTestContext context)
    {
        double copy = 0;
        foreach (SelfTestModel model in context.Settings.Models)
        {
            context.Status($"memory: {model.Preset}");
            foreach (IGrouping<(string, string, string), KernelCall> calls in Forms(context, model))
            {
                (string op, string phase, string form) = calls.Key;
                string name = $"{model.Preset}, {op}, {form}";
                if (!context.Wants(name)) continue;
                if (!context.HasTime()) return null;
                if (copy == 0) copy = context.Device.SampleBandwidth();
                context.Try(name, () =>
                {
                    var line = new JsonObject { ["model"] = $"{model.Preset}:{model.SequenceLength}:{model.MicroBatch}", ["op"] = op, ["phase"] = phase, ["form"] = form, ["calls"] = calls.Count() };
                    var trial = new MemoryTrial(context.Device, calls.First(), context.Settings.Small ? MemoryTrial.FewCopies : MemoryTrial.MostCopies);
                    if (!context.Fits([.. trial.Forms.Select(_ => trial.Program)])) line["left_out"] = "it does not fit the device's memory";
                    else Describe(line, trial, trial.Run(context.Deadline), copy);
                    context.Add(true, line);
                });
            }
        }

        return null;
    }

    static void Describe(JsonObject line, MemoryTrial trial, IReadOnlyList<MemoryTime> times, double copy)
    {
        line["megabytes"] = Digits(trial.Bytes / 1e6);
        line["copy_gb_per_s"] = Digits(copy / 1e9);
        line["kernels"] = new JsonArray([.. times.Select(time => new JsonObject
        {
            ["form"] = time.Form, ["us"] = Digits(time.Seconds * 1e6), ["gb_per_s"] = Digits(trial.Bytes / time.Seconds / 1e9), ["of_copy"] = Digits(trial.Bytes / time.Seconds / copy),
        })]);
    }

    /// <summary>Calls of one step of both plans that do the same, those that move most in all first.</summary>
    static IEnumerable<IGrouping<(string Op, string Phase, string Form), KernelCall>> Forms(SelfTestContext context, SelfTestModel model)
    {
        BenchmarkWorkload workload = BenchmarkWorkload.Of(BenchStage.Recipe(model, context), context.Device);
        double smallest = context.Settings.Small ? 0 : SmallestBytes;
        return new[] { workload.LitesparkPlan, workload.BaselinePlan }
            .SelectMany(plan => StepWork.Of(workload.Build(plan), 1)).SelectMany(part => part.Plan.Calls)
            .Where(call => MemoryTrial.IsMemoryBound(call.Op) && call.Cost.Bytes >= smallest)
            .GroupBy(call => (call.Op.Name, call.Phase.ToString().ToLowerInvariant(), MemoryTrial.FormOf(call)))
            .OrderByDescending(group => group.Sum(call => call.Cost.Bytes));
    }

    static double Digits(double value) => double.Parse($"{value:g4}");
}
