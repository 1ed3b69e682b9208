using System.Text.Json;
using Litespark.Benchmarking;
using Litespark.Cli.Commands;
using Litespark.Cli.Progress;
using Litespark.Energy;
using Litespark.Energy.Comparison;
using Litespark.Planning;
using Litespark.Recipes;
using Litespark.Reporting;
using Litespark.Training;

namespace Litespark.Cli.Handlers;

/// <summary>Carries out <c>litespark energy compare</c>.</summary>
internal static class EnergyCompareHandler
{
    /// <summary>As in a benchmark, a step is one micro-batch.</summary>
    static readonly RecipeOverride noAccumulation = new("training.global_batch_tokens", "null", "litespark energy compare");

    public static int Run(EnergyCompareOptions options, CommandContext context)
    {
        (EnergyComparison comparison, EnergyTerms termsA, EnergyTerms termsB) = options.Recipe is { } recipe ? Plans(recipe, options, context) : Runs(options.Runs);
        Print(context.Out, comparison, termsA, termsB, options.Tokens);
        context.Result(writer =>
        {
            Write(writer, "a", comparison.A, termsA, options.Tokens);
            Write(writer, "b", comparison.B, termsB, options.Tokens);
            writer.WriteNumber("speedup", comparison.Speedup);
            writer.WriteOptional("saving"u8, comparison.Saving?.Fraction);
            writer.WriteOptional("saving_spread"u8, comparison.Saving?.Spread);
            writer.WriteString("obstacle", comparison.Obstacle);
        });
        return ExitCodes.Done;
    }

    static (EnergyComparison Comparison, EnergyTerms A, EnergyTerms B) Plans(RecipeSelection selection, EnergyCompareOptions options, CommandContext context)
    {
        CancellationToken stop = context.StopRequested;
        LoadedRecipe recipe = (selection with { Overrides = [noAccumulation, .. selection.Overrides] }).Load();
        using IDevice device = DeviceSelection.Open(recipe.Recipe.Engine, context.Progress.WriteLine);
        TimeSpan? window = options.WindowSeconds is { } seconds ? TimeSpan.FromSeconds(seconds) : null;
        EnergyTerms terms = RecipeSettings.Terms(recipe.Recipe.Energy);
        return (PlanEnergy.Compare(recipe, device, options.Windows, window, context.Progress.WriteLine, stop), terms, terms);
    }

    static (EnergyComparison Comparison, EnergyTerms A, EnergyTerms B) Runs(IReadOnlyList<string> folders)
    {
        (EnergySeries a, EnergyTerms termsA) = Read(folders[0]);
        (EnergySeries b, EnergyTerms termsB) = Read(folders[1]);
        return (new EnergyComparison(a, b), termsA, termsB);
    }

    static (EnergySeries Series, EnergyTerms Terms) Read(string folder)
    {
        string saved = Path.Combine(folder, RunFolder.RecipeFile);
        Recipe? recipe = File.Exists(saved) ? RecipeLoader.LoadFile(saved, []).Recipe : null;
        return (RunEnergy.Read(folder, recipe?.Checkpoints.EverySteps ?? 0), recipe is null ? EnergyTerms.Default : RecipeSettings.Terms(recipe.Energy));
    }

    static void Print(TextWriter output, EnergyComparison comparison, EnergyTerms termsA, EnergyTerms termsB, double tokens)
    {
        var table = new TextTable("", "windows", "tokens/s", "J/token", "W", $"MWh per {Units.Count(tokens)} tokens", "t CO2e", "energy from");
        Row(comparison.A, termsA);
        Row(comparison.B, termsB);
        table.Write(output);
        output.WriteLine("  ± is the standard deviation of the windows.");
        output.WriteLine($"  {comparison.B.Name} runs at {comparison.Speedup:N2} times the speed of {comparison.A.Name}.");
        output.WriteLine("  " + SavingText.Of(comparison));
        output.WriteLine(termsA == termsB ? $"  Carbon {termsA.CarbonTerms}." : $"  Carbon {termsA.CarbonTerms}, and {termsB.CarbonTerms}.");

        void Row(EnergySeries series, EnergyTerms terms)
        {
            string tilde = series.IsMeasured ? "" : "~";
            double joules = series.JoulesPerToken.Mean * tokens;
            table.Add(series.Name, $"{series.Samples.Count}", Text(series.TokensPerSecond), tilde + Text(series.JoulesPerToken), tilde + Text(series.Watts),
                $"{tilde}{joules / Carbon.JoulesPerKilowattHour / 1e3:G3}", $"{tilde}{terms.Grams(joules) / 1e6:G3}", series.Source);
        }
    }

    static string Text(Figure figure) => figure.Deviation is { } deviation ? $"{Short(figure.Mean)} ± {Short(deviation)}" : Short(figure.Mean);

    static string Short(double value) => Math.Abs(value) >= 100 ? $"{value:N0}" : $"{value:G3}";

    static void Write(Utf8JsonWriter writer, string name, EnergySeries series, EnergyTerms terms, double tokens)
    {
        writer.WriteStartObject(name);
        writer.WriteString("name", series.Name);
        writer.WriteString("energy_source", series.Source);
        writer.WriteBoolean("is_measured", series.IsMeasured);
        writer.WriteNumber("windows", series.Samples.Count);
        Write("tokens_per_second", series.TokensPerSecond);
        Write("joules_per_token", series.JoulesPerToken);
        Write("watts", series.Watts);
        double joules = series.JoulesPerToken.Mean * tokens;
        writer.WriteNumber("tokens", tokens);
        writer.WriteNumber("megawatt_hours", joules / Carbon.JoulesPerKilowattHour / 1e3);
        writer.WriteNumber("tons_co2e", terms.Grams(joules) / 1e6);
        writer.WriteEndObject();

        void Write(string key, Figure figure)
        {
            writer.WriteNumber(key, figure.Mean);
            if (figure.Deviation is { } deviation) writer.WriteNumber(key + "_deviation", deviation);
            else writer.WriteNull(key + "_deviation");
        }
    }
}
