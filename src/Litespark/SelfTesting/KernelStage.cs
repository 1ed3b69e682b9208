using System.Text.Json.Nodes;

namespace Litespark.SelfTesting;

/// <summary>
/// Every op against the reference, on fresh random numbers, into poisoned results, in every layout; what a library computes, by the
/// device's own kernels too.
/// </summary>
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
                seed++; // as many as there are, whichever are wanted: a seed and a name repeat a failure
                if (!context.Wants(NameOf(test, layout))) continue;
                if (!context.HasTime()) return null;
                Try(context, test, layout, seed);
            }
        }

        return null;
    }

    static string NameOf(OpCase test, OperandLayout layout) => $"{test.Name}, {layout.ToString().ToLowerInvariant()}";

    /// <summary>Tries a case.</summary>
    internal static void Try(SelfTestContext context, OpCase test, OperandLayout layout, int seed)
    {
        string name = NameOf(test, layout);
        context.Try(name, () =>
        {
            bool byLibrary = false;
            foreach (TrialResult result in OpTrial.Run(context.Device, context.Reference, test, layout, seed))
            {
                Report(context, name, seed, result);
                byLibrary |= result.Library is not null;
            }

            if (!byLibrary) return;
            using IDisposable? scope = context.Device.OwnKernelsOnly();
            foreach (TrialResult result in OpTrial.Run(context.Device, context.Reference, test, layout, seed)) Report(context, name, seed, result);
        });
    }

    static void Report(SelfTestContext context, string name, int seed, TrialResult result)
    {
        string by = result.Library ?? "own kernels";
        if (!result.Passed) context.Status($"{name}, {result.Result}, {by}: error {result.Error:0.##e+0} (at most {result.Tolerance:0.##e+0}), seed {seed}");
        context.Add(result.Passed, new JsonObject
        {
            ["case"] = name, ["result"] = result.Result, ["by"] = by, ["passed"] = result.Passed, ["error"] = double.IsFinite(result.Error) ? result.Error : null, ["tolerance"] = result.Tolerance, ["seed"] = seed,
        });
    }
}
