using Litespark.Cli.Commands;
using Litespark.Cli.Progress;
using Litespark.Energy;
using Litespark.Planning;
using Litespark.Recipes;
using Litespark.Training;

namespace Litespark.Cli.Handlers;

/// <summary>Carries out <c>litespark plan</c>.</summary>
internal static class PlanHandler
{
    const string Forecast = " (a forecast: the tokenizer is still to be trained, and may become smaller with little text)";

    public static int Run(RecipeSelection selection, CommandContext context)
    {
        LoadedRecipe recipe = selection.Load();
        using IDevice device = DeviceSelection.OpenForForecast(recipe.Recipe.Engine, out DeviceProfile profile, out string? standIn);
        RecipePlan plan = RecipePlan.Of(recipe, profile);
        PlanReport report = plan.Report(Roofline.Measure(device));
        string[] assumptions = [.. new[] { standIn, plan.Assumption }.OfType<string>()];
        RunEnergyForecast energy = RunEnergyForecast.Of(recipe.Recipe, report, device);
        Print(context.Out, recipe, plan, report, energy, device, assumptions);
        // The text has them too: with --json it goes to stderr, as these do.
        if (!context.Json) foreach (string assumption in assumptions) context.Progress.WriteLine("warning: " + assumption);
        // Where the CPU stands in for a GPU, nothing is known of that GPU's memory.
        if (standIn is null && plan.Shortage(report.Memory, device.FreeMemory ?? MachineMemory.Available) is { } shortage) context.Progress.WriteLine("warning: " + shortage);
        context.Result(writer =>
        {
            MemoryForecast memory = report.Memory;
            writer.WriteNumber("parameters", report.Parameters);
            writer.WriteStartObject("memory");
            writer.WriteNumber("weights", memory.Weights);
            writer.WriteNumber("gradients", memory.Gradients);
            writer.WriteNumber("optimizer", memory.Optimizer);
            writer.WriteNumber("activations", memory.Activations);
            writer.WriteNumber("workspace", memory.Workspace);
            writer.WriteNumber("total", memory.Total);
            writer.WriteEndObject();
            writer.WriteStartObject("flops_per_token");
            writer.WriteNumber("model", report.ModelFlopsPerToken);
            writer.WriteNumber("executed", report.ExecutedFlopsPerToken);
            writer.WriteEndObject();
            writer.WriteNumber("step_ms", report.StepSeconds * 1e3);
            writer.WriteStartObject("energy");
            writer.WriteNumber("joules_per_token", energy.JoulesPerToken);
            writer.WriteNumber("joules", energy.Joules);
            writer.WriteNumber("grams_co2e", energy.Terms.Grams(energy.Joules));
            if (energy.Terms.Cost(energy.Joules) is { } cost) writer.WriteNumber("cost", cost);
            else writer.WriteNull("cost");
            writer.WriteString("energy_source", EnergySources.Estimate);
            writer.WriteEndObject();
        });
        return ExitCodes.Done;
    }

    static void Print(TextWriter output, LoadedRecipe recipe, RecipePlan plan, PlanReport report, RunEnergyForecast energy, IDevice device, string[] assumptions)
    {
        TrainingSection training = recipe.Recipe.Training;
        int microBatches = training.GradientAccumulationSteps;
        output.WriteLine($"{recipe.Name} on {device.HardwareName}, {device.Threads} threads");
        foreach (string assumption in assumptions) output.WriteLine("warning: " + assumption);
        output.WriteLine();
        var facts = new TextTable("", "") { LeftColumns = 2 };
        facts.Add("parameters", $"{report.Parameters:N0} ({Units.Count(report.Parameters)}), vocabulary {plan.Spec.VocabSize:N0}{(plan.IsVocabularyForecast ? Forecast : "")}");
        facts.Add("step", $"{report.TokensPerStep:N0} tokens: {microBatches} x {training.MicroBatchSize} sequences of {training.SequenceLength}");
        facts.Add("FLOPs per token", $"{Units.Count(report.ModelFlopsPerToken)} by the model (MFU's formula), {Units.Count(report.ExecutedFlopsPerToken)} executed");
        string time = report.StepSeconds < 60 ? $"{report.StepSeconds * 1e3:N1} ms" : Units.Time(TimeSpan.FromSeconds(report.StepSeconds));
        facts.Add("time, forecast", $"{time} a step, {Units.Count(report.TokensPerSecond)} tokens/s if every kernel reached these rates");
        facts.Add("energy, forecast", $"~{energy.JoulesPerToken * 1e3:G3} mJ a token, {Units.Joules(energy.Joules, EnergySources.Estimate)} for the run of {energy.Steps:N0} steps");
        facts.Add("", $"{Units.Carbon(energy.Terms.Grams(energy.Joules), EnergySources.Estimate)} ({energy.Terms.CarbonTerms}){Cost(energy)}");
        facts.Write(output);
        output.WriteLine($"  Every call at the roofline of what was measured here just now: {report.Roofline.PeakFlops / 1e9:N0} GFLOP/s, {report.Roofline.Bandwidth / 1e9:N1} GB/s,");
        output.WriteLine("  operands moved once, only matrix products counted as FLOPs. A real step takes longer; 'litespark bench' measures it.");
        output.WriteLine($"  Energy is that time × {energy.Power.Explanation}.");
        output.WriteLine();
        WriteMemory(output, report.Memory);
        output.WriteLine();
        var operations = new TextTable("op", "phase", "calls", "GFLOP", "MB", "ms", "share") { LeftColumns = 2 };
        foreach (OperationForecast operation in report.Operations)
        {
            operations.Add(operation.Name, operation.Phase.ToString().ToLowerInvariant(), $"{operation.Calls}", $"{operation.Cost.Flops / 1e9:N2}",
                $"{operation.Cost.Bytes / 1e6:N1}", $"{operation.Seconds * 1e3:N2}", Units.Percent(operation.Share));
        }

        operations.Write(output);
    }

    static string Cost(RunEnergyForecast energy)
        => energy.Terms.Cost(energy.Joules) is { } cost ? $"; cost {Units.Cost(cost, EnergySources.Estimate)} ({energy.Terms.CostTerms})" : "";

    static void WriteMemory(TextWriter output, MemoryForecast memory)
    {
        var table = new TextTable("memory", "bytes", "", "") { LeftColumns = 1 };
        void Row(string name, long bytes) => table.Add(name, $"{bytes:N0}", Units.Bytes(bytes), Units.Percent((double)bytes / memory.Total));
        Row("weights", memory.Weights);
        Row("gradients", memory.Gradients);
        Row("optimizer", memory.Optimizer);
        Row("activations", memory.Activations);
        Row("workspace", memory.Workspace);
        Row("total", memory.Total);
        table.Write(output);
    }
}
