using Litespark.Benchmarking;
using Litespark.Cli.Commands;
using Litespark.Cli.Progress;
using Litespark.Energy;
using Litespark.Energy.Comparison;
using Litespark.Planning;
using Litespark.Recipes;
using Litespark.Training;

namespace Litespark.Cli.Handlers;

/// <summary>Carries out <c>litespark bench</c>.</summary>
internal static class BenchHandler
{
    const string DefaultRecipe = "llama-15m", Origin = "litespark bench";

    /// <summary>
    /// What the default benchmark changes of its recipe: a batch small enough for an answer within a minute, and no text, so that
    /// another preset keeps its own vocabulary.
    /// </summary>
    static readonly RecipeOverride[] DefaultOverrides =
    [
        new("data.source", "synthetic", Origin),
        new("training.sequence_length", "512", Origin),
        new("training.micro_batch_size", "2", Origin),
    ];

    /// <summary>A step of a benchmark is one micro-batch, whatever its size.</summary>
    static readonly RecipeOverride NoAccumulation = new("training.global_batch_tokens", "null", Origin);

    public static int Run(BenchOptions options, CommandContext context)
    {
        LoadedRecipe recipe = Load(options.Recipe);
        using IDevice device = DeviceSelection.Open(recipe.Recipe.Engine, context.Progress.WriteLine);
        using var benchmark = new PlanBenchmark(recipe, device, options.Thorough ? BenchmarkSettings.Thorough : BenchmarkSettings.Quick, context.Progress.WriteLine);
        if (MemoryGuard.Check(device, recipe.Recipe, benchmark.Memory, "Both plans together need") is { } tight) context.Progress.WriteLine("warning: " + tight);
        BenchmarkReport report = benchmark.Run();
        Print(context.Out, report);
        context.Result(writer => BenchmarkJson.WriteMembers(writer, report));
        return ExitCodes.Done;
    }

    static LoadedRecipe Load(RecipeSelection selection)
    {
        RecipeOverride[] defaults = selection.Name is null ? DefaultOverrides : [];
        return (selection with { Overrides = [NoAccumulation, .. defaults, .. selection.Overrides] }).Load(DefaultRecipe);
    }

    static void Print(TextWriter output, BenchmarkReport report)
    {
        output.WriteLine($"{report.Model}, {Units.Count(report.Parameters)} parameters, {report.MicroBatch} sequences of {report.SequenceLength} random tokens a step");
        output.WriteLine($"{report.Machine}, {report.Threads} threads, {(report.PeakFlops is { } peak ? $"peak {peak / 1e12:N3} TFLOP/s (largest sample)" : "whose peak is not known: no utilisation")}");
        output.WriteLine();
        string source = report.Energy.A.Source, energy = source == EnergySources.Estimate ? "~mJ/token" : $"mJ/token ({source})";
        var plans = new TextTable("plan", "tokens/s", "step ms", "arenas", "process", "MFU", "HFU", energy, "bytes/step", "steps");
        static string Share(double? utilisation) => utilisation is { } share ? Units.Percent(share) : "-";
        void Plan(string name, PlanFigures plan, EnergySeries joules) => plans.Add(name, $"{plan.TokensPerSecond:N0}", $"{plan.StepMs:N1}", Units.Bytes(plan.PeakMemoryBytes), Units.Bytes(plan.ResidentBytes),
            Share(plan.Mfu), Share(plan.Hfu), $"{joules.JoulesPerToken.Mean * 1e3:N3}", $"{plan.AllocatedBytesPerStep}", $"{plan.Steps}");
        Plan("baseline", report.Baseline, report.Energy.A);
        Plan("litespark", report.Litespark, report.Energy.B);
        plans.Write(output);
        output.WriteLine($"  litespark runs at {report.Speedup:N2} times the baseline's speed; the loss is the same.");
        output.WriteLine("  " + SavingText.Of(report.Energy));
        output.WriteLine();
        var passes = new TextTable("pass", "speed-up by this pass");
        foreach (PassFigures pass in report.Passes) passes.Add(pass.Name, $"{pass.Speedup:N3}");
        passes.Write(output);
        output.WriteLine();
        var kernels = new TextTable("kernel", "phase", "calls", "ms", "GFLOP", "MB", "GFLOP/s", "share") { LeftColumns = 2 };
        foreach (KernelFigures kernel in report.Kernels)
        {
            kernels.Add(kernel.Name, kernel.Phase.ToString().ToLowerInvariant(), $"{kernel.Calls}", $"{kernel.Ms:N2}", $"{kernel.Gflop:N2}", $"{kernel.Megabytes:N1}",
                kernel.GflopsPerSecond > 0 ? $"{kernel.GflopsPerSecond:N1}" : "-", Units.Percent(kernel.Share));
        }

        kernels.Write(output);
    }
}
