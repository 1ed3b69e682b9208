using System.CommandLine;
using System.Text.Json.Nodes;
using Litespark.Benchmarking;
using Litespark.Benchmarks.Measuring;
using Litespark.Benchmarks.Reporting;
using Litespark.Devices.Cpu;
using Litespark.Recipes;
using Litespark.Training.Sparsity;

namespace Litespark.Benchmarks.Verbs;

/// <summary><c>sparse-step</c>: a whole training step of a sparse recipe, at its sparsest, beside the same recipe's dense step.</summary>
internal sealed class SparseStepVerb : Verb
{
    readonly Argument<string> recipe = new("RECIPE") { Description = "A recipe file with a section sparsity", DefaultValueFactory = _ => "recipes/studies/mst/mst.yaml" };
    readonly Option<string> threads = Parameters.Threads();
    readonly Option<int> seconds = new("--seconds") { Description = "Time for all turns of a number of threads", DefaultValueFactory = _ => 60 };

    public SparseStepVerb() : base("sparse-step", "A training step of a sparse recipe, at its sparsest, beside the same step of dense weights and attention, in pairs of turns")
    {
        Add(recipe);
        Add(threads);
        Add(seconds);
    }

    protected override int Run(ParseResult options, Report report)
    {
        LoadedRecipe sparse = RecipeLoader.LoadFile(options.GetValue(recipe)!);
        if (sparse.Recipe.Sparsity.Method == SparsityMethod.None && !HybridAttention.IsWanted(sparse.Recipe.Sparsity))
            throw new UserErrorException($"{options.GetValue(recipe)}: its section sparsity leaves everything dense, so that both sides would be the same; sparsity.method or sparsity.attention_pattern would change that.");
        LoadedRecipe dense = sparse.With(sparse.Recipe with { Sparsity = new SparsitySection() });
        var budget = TimeSpan.FromSeconds(Parameters.AtLeastOne("--seconds", options.GetValue(seconds)));
        foreach (int count in Parameters.ParseThreads(options.GetValue(threads)!)) Measure(dense, sparse, count, budget, report);
        return 0;
    }

    static void Measure(LoadedRecipe dense, LoadedRecipe sparse, int threads, TimeSpan budget, Report report)
    {
        Status($"{sparse.Name}, {threads} threads");
        using var device = new CpuDevice(threads);
        BenchmarkWorkload denseWork = BenchmarkWorkload.Of(dense, device), sparseWork = BenchmarkWorkload.Of(sparse, device);
        Workloads.CheckMemory([(denseWork, denseWork.LitesparkPlan), (sparseWork, sparseWork.LitesparkPlan)], "A smaller training.micro_batch_size needs less.");
        using BenchmarkSubject denseStep = denseWork.Load(denseWork.LitesparkPlan), sparseStep = sparseWork.Load(sparseWork.LitesparkPlan);
        foreach (BenchmarkSubject subject in (BenchmarkSubject[])[denseStep, sparseStep]) Contest.RunFor(() => subject.RunSteps(CancellationToken.None), Contest.FirstRuns);
        var contest = new PairContest { Budget = budget, WarmUp = TimeSpan.Zero, Block = TimeSpan.FromMilliseconds(30) };
        PairFigures figures = contest.Measure(Side(denseStep), Side(sparseStep));

        report.Line($"{sparse.Name}: micro-batch {sparse.Recipe.Training.MicroBatchSize} × {sparse.Recipe.Training.SequenceLength}, litespark plan, {threads} threads; dense steps beside steps of the sparsest phase, in pairs of turns. Ratio: median of the pairs, and their quartiles.");
        var table = new TextTable(1, "threads", "dense ms", "sparse ms", "ratio", "quartiles", "pairs");
        table.Add($"{threads}", $"{figures.First * 1e3:F1}", $"{figures.Second * 1e3:F1}", Figures.Times(figures.Ratio), $"{figures.Lower:F3} – {figures.Upper:F3}", $"{figures.Pairs}");
        report.Table(table);
        report.Line();
        report.Raw(new JsonObject
        {
            ["recipe"] = sparse.Name, ["threads"] = threads, ["dense_ms"] = Figures.Raw(figures.First * 1e3), ["sparse_ms"] = Figures.Raw(figures.Second * 1e3),
            ["ratio"] = Figures.Raw(figures.Ratio), ["lower_quartile"] = Figures.Raw(figures.Lower), ["upper_quartile"] = Figures.Raw(figures.Upper), ["pairs"] = figures.Pairs,
        });
        report.Summary($"threads_{threads}", Figures.Raw(figures.Ratio));
    }

    static PairSide Side(BenchmarkSubject subject) => new(() => { }, () => subject.RunSteps(CancellationToken.None));
}
