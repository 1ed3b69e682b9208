using System.Globalization;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using Litespark.Benchmarks.Reporting;
using Litespark.Benchmarks.Studies;
using Litespark.Benchmarks.Verbs;
using Litespark.Devices.Cpu;
using Litespark.Models;
using Litespark.Recipes;
using Litespark.Training;

namespace Litespark.Benchmarks.Tests;

/// <summary>The arithmetic of studies of sparse training, on metrics made by hand, and what the study's recipes promise.</summary>
public sealed partial class StudyTests : IDisposable
{
    const string Query = "model.layers.0.self_attn.q_proj.weight", Down = "model.layers.0.mlp.down_proj.weight";

    // One layer: four matrices of 8 × 8, three of 16 × 8; head 32 × 8; attention 12 · 8 · 4 tokens.
    static readonly TransformerSpec spec = ModelPresets.Get("llama-1m") with { HiddenSize = 8, NumHiddenLayers = 1, NumAttentionHeads = 2, NumKeyValueHeads = 2, HeadDim = 4, IntermediateSize = 16, VocabSize = 32 };
    const double Weights = 4 * 64 + 3 * 128, Head = 6 * 32 * 8, Attention = 12 * 8 * 4;

    readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("litespark-test-");

    public void Dispose() => folder.Delete(recursive: true);

    [Fact]
    public void The_template_gives_the_FLOPs_of_GPT_2_small()
    {
        TransformerSpec gpt2 = ModelPresets.Get("gpt2-124m") with { VocabSize = 50304 };
        TokenFlops dense = new TemplateFlops(gpt2, 1024, new SparsitySection()).Dense;
        Assert.Equal(509.6 + 113.2, dense.Layers / 1e6, 0.1);
        Assert.Equal(231.8, dense.Head / 1e6, 0.1);
        Assert.Equal(854.7, dense.Whole / 1e6, 0.1);
        // All matrices at 0.9, a quarter of attention's area.
        TokenFlops sparse = new TemplateFlops(gpt2, 1024, new SparsitySection { Method = SparsityMethod.Mst, Head = true }).Of(_ => 0.1, denseGradients: false, 0.241);
        Assert.Equal(0.119, sparse.Whole / dense.Whole, 0.001);
    }

    [Fact]
    public void A_step_with_dense_gradients_does_their_product_in_full()
    {
        var template = new TemplateFlops(spec, 4, new SparsitySection());
        Assert.Equal(Weights * (2 * 0.25 + 2 * 0.25 + 2) + Attention, template.Of(_ => 0.25, denseGradients: true, 1).Layers);
        Assert.Equal(template.Dense.Layers, template.Of(_ => 1, denseGradients: true, 1).Layers);
        Assert.Equal(Weights * 6 + Attention, template.Dense.Layers);
    }

    [Fact]
    public void Runs_of_earlier_pages_stand_in_for_those_that_the_folder_lacks()
    {
        StudyRun run = Run("dense-seed3", "", Eval(0, 4), Step(1, 10, 1), Step(2, 20, 1, joules: 7), Eval(2, 3)) with { Timed = false };
        string page = Path.Combine(folder.FullName, "page.md");
        File.WriteAllLines(page, ["# A page", "Raw lines:", "    " + StudyVerb.Raw(run).ToJsonString(), """    {"run":"of another verb"}""", "    {\"run\": cut short"]);
        StudyRun kept = Assert.Single(StudyPage.Runs(page));
        Assert.Equal(run with { Curve = [] }, kept with { Curve = [] });
        Assert.Equal(run.Curve, kept.Curve);

        string runs = Directory.CreateDirectory(Path.Combine(folder.FullName, "study")).FullName;
        File.WriteAllLines(Path.Combine(runs, Study.ListName), ["dense-seed3\tmain\tdense", "mst-seed3\tmain\tsparse"]);
        var study = Study.Read(runs, kept);
        Assert.Equal("dense-seed3", Assert.Single(study.Runs).Name);
        Assert.StartsWith("mst-seed3", Assert.Single(study.Missing), StringComparison.Ordinal);
        Assert.Throws<UserErrorException>(() => StudyPage.Runs(Path.Combine(folder.FullName, "none.md")));
    }

    [Fact]
    public void Times_of_different_processors_are_not_compared()
    {
        StudyRun dense = Made("dense-seed1", 100, (0, 8), (40, 2)), own = Made("mst-seed1", 25, (0, 8), (20, 2));
        Assert.Equal(2, new StudyVariant(new StudyEntry("mst-seed1", "main", ""), [own], [dense]).Speedup);
        var apart = new StudyVariant(new StudyEntry("mst-seed1", "main", ""), [own with { Processor = "another" }], [dense]);
        Assert.Null(apart.Speedup);
        Assert.Null(apart.SecondsToDenseLoss);
        Assert.Equal(0.25, apart.ExecutedFlops);
        Assert.Null(new StudyVariant(new StudyEntry("mst-seed1", "main", ""), [own with { Processor = "" }], [dense with { Processor = "" }]).Speedup); // neither is known
        // Beside other work a time says nothing.
        var untimed = new StudyVariant(new StudyEntry("mst-seed1", "main", ""), [own with { Timed = false }], [dense]);
        Assert.Equal((null, null, null, 0.25), (untimed.Seconds, untimed.Speedup, untimed.SecondsToDenseLoss, untimed.ExecutedFlops));
        Assert.Null(new StudyVariant(new StudyEntry("mst-seed1", "main", ""), [own], [dense with { Timed = false }]).Speedup);
        // Each seed on one machine, the seeds on two: a mean of their times would weigh the slower machine more.
        StudyRun[] both = [own, own with { Name = "mst-seed2", Processor = "another" }], theirs = [dense, dense with { Name = "dense-seed2", Processor = "another" }];
        Assert.Null(new StudyVariant(new StudyEntry("mst-seed1", "main", ""), both, theirs).Speedup);
    }

    [Fact]
    public void Lines_of_older_pages_take_the_processor_from_the_head_of_their_section()
    {
        StudyRun run = Made("dense-seed1", 100, (0, 8), (40, 2));
        System.Text.Json.Nodes.JsonObject line = StudyVerb.Raw(run);
        line.Remove("processor");
        line.Remove("timed");
        string page = Path.Combine(folder.FullName, "older.md");
        File.WriteAllLines(page, ["date: 2026-11-26 16:58 UTC; processor: AMD EPYC, 2 usable; memory: 4 MiB.", "    " + line.ToJsonString(), "    " + StudyVerb.Raw(run).ToJsonString()]);
        Assert.Equal(["AMD EPYC, 2 usable", "one"], StudyPage.Runs(page).Select(kept => kept.Processor));
        Assert.All(StudyPage.Runs(page), kept => Assert.True(kept.Timed));
    }

    [Fact]
    public void A_mark_in_its_folder_says_that_a_run_s_times_mean_nothing()
    {
        string run = Directory.CreateDirectory(Path.Combine(folder.FullName, "dense-seed1")).FullName;
        File.WriteAllText(Path.Combine(run, RunFolder.RecipeFile), "model: {preset: llama-1m}\ntraining: {max_steps: 1, sequence_length: 4}");
        File.WriteAllLines(Path.Combine(run, "metrics.jsonl"), [Step(1, 10, 1), Eval(1, 3)]);
        File.WriteAllText(Path.Combine(run, HuggingFaceConfig.FileName), HuggingFaceConfig.ToJson(spec).ToJsonString());
        Assert.True(StudyRun.Read(run, out _)!.Timed);
        File.WriteAllText(Path.Combine(run, "untimed"), ""); // as benchmarks/mst --untimed leaves it
        Assert.False(StudyRun.Read(run, out _)!.Timed);
    }

    [Fact]
    public void A_run_s_processor_is_what_its_folder_says()
    {
        string run = Directory.CreateDirectory(Path.Combine(folder.FullName, "mst-seed1")).FullName;
        Assert.Equal("", StudyMachine.Read(run, 9));
        Expect("A, 2 usable, 256-bit registers", Line(0, "A"), Line(4, "A"));
        Expect("", Line(0, "A"), Line(4, "B")); // times of both
        Expect("", Line(4, "B")); // and of what was before
        Expect("B, 2 usable, 256-bit registers", Line(0, "A"), Line(0, "B")); // from the start again
        Expect("A, 2 usable, 256-bit registers", Line(0, "A"), Line(9, "B")); // nothing was left to do
        Expect("A, 2 usable, 256-bit registers", Line(0, "A"), "{\"after_step\":3,\"har");

        void Expect(string processor, params string[] lines)
        {
            File.WriteAllLines(Path.Combine(run, MachineLog.FileName), lines);
            Assert.Equal(processor, StudyMachine.Read(run, 9));
        }

        static string Line(int afterStep, string hardware) => $$"""{"after_step":{{afterStep}}, "hardware":"{{hardware}}", "facts":{"threads":"2", "registers":"256 bits"}, "processors":2}""";
    }

    [Fact]
    public void The_log_of_machines_goes_on_after_a_line_that_was_cut_short()
    {
        using var device = new CpuDevice(1);
        string run = folder.FullName, file = Path.Combine(run, MachineLog.FileName);
        MachineLog.Append(run, 0, device);
        Assert.Equal(Machine.Processor, StudyMachine.Read(run, 9));
        File.AppendAllText(file, "{\"after_st");
        MachineLog.Append(run, 5, device);
        Assert.Equal(3, File.ReadAllLines(file).Length);
        Assert.Equal(Machine.Processor, StudyMachine.Read(run, 9));
    }

    [Fact]
    public void A_run_adds_up_what_its_steps_were()
    {
        StudyRun run = Run("mst-seed2", "sparsity: {method: mst, restore_from_step: 4, dense_from_step: 4}",
            Eval(0, 4), Step(1, 10, 1), Topology(1, 0.25), Step(2, 20, 0.25, share: 0.5), Topology(2, 0.25), Eval(2, 3), Step(3, 30, 0.25, share: 0.5), Topology(3, 1), Step(4, 40, 1, joules: 7), Eval(4, 2));
        double dense = 6 * Weights + Attention, sparse = 6 * 0.25 * Weights + 0.5 * Attention;
        // Masks of step 1 are chosen by gradients that are dense anyway, those of step 2 by dense ones in a sparse step; step 3 restores all and chooses nothing.
        Assert.Equal(10 * (2 * dense + 2 * sparse + 2 * 0.75 * Weights), run.Flops.Layers, 1e-6);
        Assert.Equal(40 * Head, run.Flops.Head);
        Assert.Equal(("mst", "2", 4L, 40L, 4000.0, 2.0), (run.Variant, run.Seed, run.Steps, run.Tokens, run.ExecutedFlops, run.FinalLoss));
        Assert.Equal(0.4, run.Seconds, 1e-12);
        Assert.Equal(7, run.Joules);
        Assert.Equal([0, 20, 40], run.Curve.Select(point => point.Tokens));
        Assert.Equal(10 * (dense + sparse + 2 * 0.75 * Weights), run.Curve[1].Flops, 1e-6);
    }

    [Fact]
    public void Growth_at_random_needs_no_dense_gradients()
    {
        string[] rows = [Step(1, 10, 0.25), Topology(1, 0.25), Step(2, 20, 0.25), Eval(2, 3)];
        Assert.Equal(20 * (6 * 0.25 * Weights + Attention), Run("set-seed1", "sparsity: {method: set}", rows).Flops.Layers, 1e-6);
        Assert.Equal(20 * (6 * 0.25 * Weights + Attention) + 10 * 2 * 0.75 * Weights, Run("rigl-seed1", "sparsity: {method: rigl}", rows).Flops.Layers, 1e-6);
    }

    [Fact]
    public void Estimated_joules_are_none() =>
        Assert.Null(Run("dense-seed1", "", Step(1, 10, 1, joules: 7, source: "estimate"), Eval(1, 3)).Joules);

    [Fact]
    public void Rows_that_contradict_each_other_are_refused()
    {
        UserErrorException wrong = Assert.Throws<UserErrorException>(() => Run("mst-seed1", "sparsity: {method: mst}", Step(1, 10, 1), Topology(1, 0.25), Step(2, 20, 0.5), Eval(2, 3)));
        Assert.Contains("step 2 has the density 0.5", wrong.Message, StringComparison.Ordinal);
        File.WriteAllText(Path.Combine(folder.FullName, "cut"), Step(1, 10, 1) + "\n{\"step\":2,");
        Assert.Contains("cut:2:", Assert.Throws<UserErrorException>(() => MetricsRows.Read(Path.Combine(folder.FullName, "cut"))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_time_to_a_loss_lies_on_the_line_between_evaluations()
    {
        StudyRun run = Made("dense-seed1", 100, (0, 8), (10, 4), (20, 5), (30, 3));
        Assert.Equal(0, run.SecondsTo(9));
        Assert.Equal(5, run.SecondsTo(6));
        Assert.Equal(10, run.SecondsTo(4));
        Assert.Equal(27.5, run.SecondsTo(3.5)!.Value, 1e-12);
        Assert.Null(run.SecondsTo(2.9));
    }

    [Fact]
    public void Variants_are_compared_over_the_seeds_that_both_have()
    {
        StudyRun[] dense = [Made("dense-seed1", 100, (0, 8), (40, 2)), Made("dense-seed2", 100, (0, 8), (60, 4))];
        StudyRun[] own = [Made("mst-seed1", 25, (0, 8), (10, 2), (20, 1)), Made("mst-seed2", 30, (0, 8), (30, 5)), Made("mst-seed3", 25, (0, 8), (99, 9))];
        var variant = new StudyVariant(new StudyEntry("mst-seed1", "main", ""), own, dense);
        Assert.Equal((2, 1, 3), (variant.Pairs, variant.Reached, variant.Runs.Count));
        Assert.Equal(55.0 / 200, variant.FlopsHeadApart);
        Assert.Equal(65.0 / 210, variant.FlopsWithHead!.Value, 1e-12);
        Assert.Equal(2.0, variant.Speedup!.Value, 1e-12);
        Assert.Equal(0, variant.Gap!.Value, 1e-12);
        Assert.Equal((5.0, 1.0, 9.0), variant.Loss);
        Assert.Null(variant.SecondsToDenseLoss);
        Assert.Equal(10, new StudyVariant(variant.Entry, own[..1], dense).SecondsToDenseLoss);
        Assert.Null(new StudyVariant(variant.Entry, own[2..], dense).Gap);
    }

    [Fact]
    public void A_study_names_the_runs_that_are_not_at_their_end()
    {
        Write("dense-seed1", "", Step(1, 10, 1), Eval(1, 3));
        File.AppendAllText(Path.Combine(folder.FullName, "dense-seed1", "recipe.yaml"), "\n");
        File.WriteAllText(Path.Combine(folder.FullName, Study.ListName), "dense-seed1\tmain\tdense\ngpt2-mst-seed1\tgpt2\tsparse\n");
        var study = Study.Read(folder.FullName);
        Assert.Equal(["dense-seed1 (at step 1 of 4)", "gpt2-mst-seed1 (not begun)"], study.Missing);
        Assert.Empty(study.Variants());
        Assert.Equal(("gpt2-dense", "dense"), (Study.ReferenceOf("gpt2-mst"), Study.ReferenceOf("static")));
        Assert.Equal(("a-seed", "x"), StudyRun.SplitName("a-seed-seedx"));
        Assert.Throws<UserErrorException>(() => Study.Read(Path.Combine(folder.FullName, "nowhere")));
    }

    [Fact]
    public void The_recipes_differ_in_sparsity_and_learning_rate_alone_and_keep_their_budget()
    {
        LoadedRecipe dense = Shipped("dense"), mst = Shipped("mst");
        OptimizerSection optimizer = mst.Recipe.Optimizer with { LearningRate = dense.Recipe.Optimizer.LearningRate };
        Recipe alike = mst.Recipe with { Sparsity = dense.Recipe.Sparsity, Optimizer = optimizer, Description = dense.Recipe.Description };
        Assert.Equal(RecipeWriter.ToYaml(dense.Recipe, commented: false, ""), RecipeWriter.ToYaml(alike, commented: false, ""));
        TokenFlops own = StudyForecast.Of(mst.Recipe, Spec(mst)), all = StudyForecast.Of(dense.Recipe, Spec(dense));
        Assert.InRange(own.Layers / all.Layers, 0.24, 0.25);

        // The smaller dense model of as many FLOPs, whether the head counts or not.
        string script = File.ReadAllText(Path.Combine(Root, "benchmarks", "mst"));
        LoadedRecipe smaller = Shipped("dense", SmallerKeys().Match(script).Groups[1].Value.Split(' '));
        TokenFlops beside = StudyForecast.Of(smaller.Recipe, Spec(smaller));
        Assert.InRange(beside.Layers / own.Layers, 0.97, 1.03);
        Assert.InRange(beside.Whole / own.Whole, 0.97, 1.03);
        Assert.Equal(all.Layers / 4, beside.Layers, 1e-3);
    }

    [Fact]
    public void The_published_set_up_is_a_recipe()
    {
        Recipe recipe = Shipped("gpt2-small-published").Recipe;
        Assert.Equal((480 * 1024, 600000, 100, 0.3), (recipe.Training.GlobalBatchTokens, recipe.Training.MaxSteps, recipe.Sparsity.UpdateEverySteps, recipe.Sparsity.EffectiveDropFraction));
    }

    [Fact]
    public void A_chart_has_a_line_for_each_run_and_a_name_for_each_variant()
    {
        string svg = LineChart.Draw("A < B", "nats",
            [new ChartPanel("tokens", [new ChartLine("dense", [(1, 4), (2, 3)]), new ChartLine("dense", [(1, 5), (2, 2)]), new ChartLine("mst", [(1, 4)])]), new ChartPanel("seconds", [new ChartLine("mst", [(10, 4)])])]);
        XElement[] elements = [.. XDocument.Parse(svg).Descendants()];
        XElement[] lines = [.. elements.Where(element => element.Name.LocalName == "polyline")];
        Assert.Equal(4, lines.Length);
        Assert.Equal((string?)lines[2].Attribute("stroke"), (string?)lines[3].Attribute("stroke"));
        Assert.Equal((string?)lines[0].Attribute("stroke"), (string?)lines[1].Attribute("stroke"));
        Assert.Single(elements, element => element.Name.LocalName == "text" && element.Value == "mst");
        Assert.Contains(elements, element => element.Value == "A < B");
        var axis = ChartAxis.Over([2, 5], 300, 0);
        Assert.Equal([2, 2.5, 3, 3.5, 4, 4.5, 5], axis.Ticks);
        Assert.Equal(150, axis.At(3.5));
    }

    [Fact]
    public void Pictures_lie_beside_the_page()
    {
        var report = new Report("study", "benchmarks/run study");
        report.Picture("main", "Loss", "<svg/>");
        string page = Path.Combine(folder.FullName, "page.md");
        report.AddTo(page);
        Assert.Contains("![Loss](page_main.svg)", File.ReadAllText(page), StringComparison.Ordinal);
        Assert.Equal("<svg/>", File.ReadAllText(Path.Combine(folder.FullName, "page_main.svg")));
    }

    StudyRun Run(string name, string sparsity, params string[] rows)
    {
        string run = Write(name, sparsity, rows), metrics = Path.Combine(run, "metrics.jsonl");
        return StudyRun.Of(name, RecipeLoader.LoadFile(Path.Combine(run, "recipe.yaml")).Recipe, spec, MetricsRows.Read(metrics), metrics);
    }

    string Write(string name, string sparsity, params string[] rows)
    {
        string run = folder.CreateSubdirectory(name).FullName;
        File.WriteAllText(Path.Combine(run, "recipe.yaml"), $"model: {{preset: llama-1m}}\ntraining: {{max_steps: 4, sequence_length: 4}}\n{sparsity}\n");
        File.WriteAllLines(Path.Combine(run, "metrics.jsonl"), rows);
        return run;
    }

    static StudyRun Made(string name, double flops, params (double Seconds, double Loss)[] curve) => new()
    {
        Name = name, Steps = 1, Tokens = 1, Flops = new TokenFlops(flops, 5), ExecutedFlops = flops, Seconds = curve[^1].Seconds, Timed = true, Processor = "one", Joules = null,
        Curve = [.. curve.Select(point => new CurvePoint(0, 0, point.Seconds, point.Loss))],
    };

    static string Step(int step, int tokens, double density, double share = 1, double joules = 1, string source = "rapl") => string.Create(CultureInfo.InvariantCulture,
        $"{{\"step\":{step},\"tokens\":{tokens},\"loss\":3,\"step_ms\":100,\"density\":{density},\"attention_share\":{share},\"flops\":{1000 * step},\"joules\":{joules},\"energy_source\":\"{source}\"}}");

    static string Eval(int step, double loss) => $"{{\"event\":\"eval\",\"step\":{step},\"eval_loss\":{loss},\"bits_per_byte\":null}}";

    /// <summary>Masks of a mean density, not the same in every matrix.</summary>
    static string Topology(int step, double density)
    {
        double more = density < 1 ? 0.1 : 0;
        IEnumerable<string> layers = new TemplateFlops(spec, 4, new SparsitySection()).Weights.Keys
            .Select(name => string.Create(CultureInfo.InvariantCulture, $"\"{name}\":{density + (name == Query ? 2 * more : name == Down ? -more : 0)}"));
        return string.Create(CultureInfo.InvariantCulture, $"{{\"event\":\"topology\",\"step\":{step},\"phase\":\"warm_up\",\"density\":{density},\"churn\":0.1,\"layers\":{{{string.Join(',', layers)}}}}}");
    }

    static LoadedRecipe Shipped(string name, params string[] keys) =>
        RecipeLoader.LoadFile(Path.Combine(Root, "recipes", "studies", "mst", name + ".yaml"), keys.Select(RecipeOverride.Parse));

    /// <summary>Without a look at which tokenizer there is.</summary>
    static TransformerSpec Spec(LoadedRecipe loaded) => TrainingSetup.ResolveSpec(loaded, 4096);

    static string Root { get; } = FindRoot();

    static string FindRoot()
    {
        string? root = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(root!, "Litespark.slnx"))) root = Path.GetDirectoryName(root);
        return root!;
    }

    [GeneratedRegex("^smaller='([^']*)'$", RegexOptions.Multiline)]
    private static partial Regex SmallerKeys();
}
