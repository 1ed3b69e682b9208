using System.Text.Json.Nodes;

namespace Litespark.SelfTesting;

/// <summary>Every op against the reference, on fresh random numbers, into poisoned results, in every layout.</summary>
internal sealed class KernelStage : SelfTestStage
{
    public override string Name => "kernels";

    public override string Purpose => "every op against the CPU's, on fresh random numbers";

    public override string? Run(SelfTestContext context)
    {
        int seed = context.Settings.Seed;
        foreach (OpCase test in OpCases.All(!context.Settings.Small))
        {
            foreach (OperandLayout layout in Enum.GetValues<OperandLayout>())
            {
                if (!context.HasTime()) return null;
                seed++;
                string name = $"{test.Name}, {layout.ToString().ToLowerInvariant()}";
                context.Try(name, () =>
                {
                    foreach (TrialResult result in OpTrial.Run(context.Device, context.Reference, test, layout, seed)) Report(context, name, seed, result);
                });
            }
        }

        return null;
    }

    static void Report(SelfTestContext context, string name, int seed, TrialResult result)
    {
        if (!result.Passed) context.Status($"{name}, {result.Result}: error {result.Error:0.##e+0} (at most {result.Tolerance:0.##e+0}), seed {seed}");
        context.Add(result.Passed, new JsonObject
        {
            ["case"] = name, ["result"] = result.Result, ["passed"] = result.Passed, ["error"] = double.IsFinite(result.Error) ? result.Error : null, ["tolerance"] = result.Tolerance, ["seed"] = seed,
        });
    }
}
