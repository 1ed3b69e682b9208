using System.CommandLine;
using System.Text.Json.Nodes;
using Litespark.Benchmarks.Reporting;
using Litespark.Benchmarks.Studies;
using Litespark.Models;
using Litespark.Recipes;
using Litespark.Training;

namespace Litespark.Benchmarks.Verbs;

/// <summary><c>study</c>: the runs of <c>benchmarks/mst</c> beside the dense ones: FLOPs, time, loss; or what a recipe will cost before it runs.</summary>
internal sealed class StudyVerb : Verb
{
    /// <summary>Curves begin after this share of the tokens: the fall before would leave no room for what differs.</summary>
    const double CurvesFrom = 0.1;

    readonly Argument<string> folder = new("FOLDER") { Description = "The runs", DefaultValueFactory = _ => "runs/mst" };
    readonly Option<string?> forecast = new("--forecast") { HelpName = "RECIPE.yaml", Description = "Count a recipe's FLOPs from its schedule instead, before it runs" };
    readonly Option<string[]> set = new("--set") { HelpName = "key=value", Description = "With --forecast: change a key; may be given several times" };

    readonly Option<string[]> with = new("--with") { HelpName = "PAGE.md", Description = "An earlier page, whose runs are taken from its raw lines where the folder does not have them; may be given several times" };

    public StudyVerb() : base("study", "Runs of sparse training beside dense ones: FLOPs, time, loss (benchmarks/mst trains them)")
    {
        Add(folder);
        Add(with);
        Add(forecast);
        Add(set);
    }

    protected override int Run(ParseResult options, Report report)
    {
        if (options.GetValue(forecast) is { } recipe)
        {
            Forecast(recipe, options.GetValue(set) ?? [], report);
            return 0;
        }

        var study = Study.Read(options.GetValue(folder)!, [.. (options.GetValue(with) ?? []).SelectMany(StudyPage.Runs)]);
        IReadOnlyList<StudyVariant> variants = study.Variants();
        report.Line("FLOPs by the template 6·Σ(1 − s)·n + 12·L·H·K·T·ρ over all steps as they were, dense gradients of topology steps included, as a share of the dense runs';");
        report.Line("executed: what kernels did. Time is that of steps, and left out where a run shared its machine on purpose; the others came one after another: a shared machine drifts meanwhile, and times of different processors are not compared. Comparisons are over common seeds.");
        foreach (IGrouping<string, StudyVariant> group in variants.GroupBy(variant => variant.Entry.Group))
        {
            Tabulate(group, report);
            IEnumerable<StudyVariant> beside = group.Key == Study.MainGroup ? [] : variants.Where(variant => variant.Entry.Group == Study.MainGroup && variant.Name is "dense" or "mst");
            Draw(group.Key, [.. group.Key == "gpt2" ? [] : beside, .. group], report);
        }

        report.Line();
        report.Line(study.Missing.Count == 0 ? "All runs of the study are there." : $"Not there yet: {string.Join(", ", study.Missing)}.");
        foreach (StudyRun run in study.Runs) report.Raw(Raw(run));
        return 0;
    }

    static void Tabulate(IGrouping<string, StudyVariant> group, Report report)
    {
        report.Line();
        report.Line(group.Key + ":");
        var table = new TextTable(1, "run", "seeds", "steps", "tokens", "FLOPs, head apart", "with head", "executed", "seconds", "speed-up", "loss", "lowest", "highest", "gap", "s to dense loss", "joules");
        foreach (StudyVariant variant in group)
        {
            (double mean, double lowest, double highest) = variant.Loss;
            string reached = variant.SecondsToDenseLoss is { } seconds ? $"{seconds:N0}" : variant.Pairs == 0 ? "" : $"{variant.Reached} of {variant.Pairs} came";
            table.Add(variant.Name, $"{variant.Runs.Count}", $"{variant.Runs[0].Steps:N0}", $"{variant.Runs[0].Tokens / 1e6:F2} M", Share(variant.FlopsHeadApart), Share(variant.FlopsWithHead), Share(variant.ExecutedFlops),
                variant.Seconds is { } own ? $"{own:N0}" : "", variant.Speedup is { } speedup ? $"{speedup:F2}×" : "", $"{mean:F4}", $"{lowest:F4}", $"{highest:F4}", variant.Gap is { } gap ? $"{gap * 100:+0.00;-0.00;0.00} %" : "",
                reached, variant.Joules is { } joules ? $"{joules:N0}" : "");
        }

        report.Table(table);
        foreach (string processor in group.SelectMany(variant => variant.Runs).Select(run => run.Processor).Distinct().Order(StringComparer.Ordinal))
            report.Line($"  trained by {(processor.Length > 0 ? processor : "an unknown processor, or several")}: {string.Join(", ", group.SelectMany(variant => variant.Runs).Where(run => run.Processor == processor).Select(run => run.Name))}");
        string[] untimed = [.. group.SelectMany(variant => variant.Runs).Where(run => !run.Timed).Select(run => run.Name)];
        if (untimed.Length > 0) report.Line($"  beside other work, so that their times mean nothing: {string.Join(", ", untimed)}");
        foreach (StudyEntry entry in group.Select(variant => variant.Entry).Where(entry => entry.Description.Length > 0)) report.Line($"  {StudyRun.SplitName(entry.Name).Variant}: {entry.Description}");

        static string Share(double? share) => share is { } value ? $"{value:F3}" : "";
    }

    static void Draw(string group, IReadOnlyList<StudyVariant> variants, Report report)
    {
        StudyRun[] runs = [.. variants.SelectMany(variant => variant.Runs)];
        bool hasTimes = runs.All(run => run.Timed) && runs[0].Processor.Length > 0 && runs.All(run => run.Processor == runs[0].Processor);
        double from = CurvesFrom * variants.Max(variant => variant.Runs[0].Tokens);
        ChartPanel Panel(string quantity, Func<CurvePoint, double> x) => new(quantity,
            [.. variants.SelectMany(variant => variant.Runs.Select(run => new ChartLine(variant.Name, [.. run.Curve.Where(point => point.Tokens >= from).Select(point => (x(point), point.Loss))])))]);

        string suffix = group.Replace(' ', '-');
        report.Picture(suffix, $"Validation loss of {group}", LineChart.Draw($"Validation loss: {group}", "nats",
            [Panel("million tokens", point => point.Tokens / 1e6), Panel("TFLOP by the template, head apart", point => point.Flops / 1e12), .. hasTimes ? [Panel("minutes of steps", point => point.Seconds / 60)] : Array.Empty<ChartPanel>()]));
    }

    /// <summary>All that a later sitting needs of a run (<see cref="StudyPage"/>).</summary>
    internal static JsonObject Raw(StudyRun run) => new()
    {
        ["run"] = run.Name, ["steps"] = run.Steps, ["tokens"] = run.Tokens, ["flops_head_apart"] = Figures.Raw(run.Flops.Layers), ["flops_with_head"] = Figures.Raw(run.Flops.Whole),
        ["executed_flops"] = Figures.Raw(run.ExecutedFlops), ["seconds"] = Figures.Raw(run.Seconds), ["timed"] = run.Timed, ["processor"] = run.Processor, ["loss"] = Figures.Raw(run.FinalLoss), ["joules"] = run.Joules is { } joules ? Figures.Raw(joules) : null,
        ["curve"] = new JsonArray([.. run.Curve.Select(point => new JsonArray(Figures.Raw(point.Tokens), Figures.Raw(point.Flops), Figures.Raw(point.Seconds), Figures.Raw(point.Loss)))]),
    };

    static void Forecast(string path, string[] overrides, Report report)
    {
        LoadedRecipe loaded = RecipeLoader.LoadFile(path, overrides.Select(RecipeOverride.Parse));
        TransformerSpec spec = RecipePlan.ResolveSpec(loaded);
        TokenFlops own = StudyForecast.Of(loaded.Recipe, spec), dense = new TemplateFlops(spec, loaded.Recipe.Training.SequenceLength, loaded.Recipe.Sparsity).Dense;
        var table = new TextTable(1, "FLOPs of a token", "MFLOP", "dense", "share");
        table.Add("head apart", $"{own.Layers / 1e6:F3}", $"{dense.Layers / 1e6:F3}", $"{own.Layers / dense.Layers:F4}");
        table.Add("with head", $"{own.Whole / 1e6:F3}", $"{dense.Whole / 1e6:F3}", $"{own.Whole / dense.Whole:F4}");
        report.Table(table);
        report.Raw(new JsonObject
        {
            ["recipe"] = path, ["flops_head_apart"] = Figures.Raw(own.Layers), ["flops_with_head"] = Figures.Raw(own.Whole),
            ["share_head_apart"] = Figures.Raw(own.Layers / dense.Layers), ["share_with_head"] = Figures.Raw(own.Whole / dense.Whole),
        });
    }
}
