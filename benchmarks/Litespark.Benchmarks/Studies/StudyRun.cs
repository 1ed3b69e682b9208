using Litespark.Checkpoints;
using Litespark.Energy;
using Litespark.Models;
using Litespark.Recipes;
using Litespark.Reporting;
using Litespark.Training;
using Litespark.Training.Sparsity;

namespace Litespark.Benchmarks.Studies;

/// <summary>A loss on held-out text and what had been spent until then: tokens, FLOPs by the template without the head, seconds of steps.</summary>
internal readonly record struct CurvePoint(double Tokens, double Flops, double Seconds, double Loss);

/// <summary>A training run that came to its end, read from its folder.</summary>
internal sealed record StudyRun
{
    /// <summary>The file in the folder of a run whose times mean nothing.</summary>
    public const string UntimedMark = "untimed";

    /// <summary>The folder's name.</summary>
    public required string Name { get; init; }

    public required long Steps { get; init; }

    public required long Tokens { get; init; }

    /// <summary>By the template, over all steps as they were.</summary>
    public required TokenFlops Flops { get; init; }

    /// <summary>What the kernels executed.</summary>
    public required double ExecutedFlops { get; init; }

    /// <summary>Wall time of all steps; not of evaluations, checkpoints and start.</summary>
    public required double Seconds { get; init; }

    /// <summary>Whether its times mean anything: not where it was trained beside other work (<c>benchmarks/mst --untimed</c>), which its <see cref="UntimedMark"/> says.</summary>
    public required bool Timed { get; init; }

    /// <summary>What trained it, by its <see cref="MachineLog"/>; empty where that is not known, or where there were several. Times of different ones are not compared.</summary>
    public required string Processor { get; init; }

    /// <summary>Null where energy was only estimated.</summary>
    public required double? Joules { get; init; }

    /// <summary>The loss on held-out text from the first step to the last.</summary>
    public required IReadOnlyList<CurvePoint> Curve { get; init; }

    public double FinalLoss => Curve[^1].Loss;

    /// <summary>"mst" of "mst-seed2".</summary>
    public string Variant => SplitName(Name).Variant;

    public string Seed => SplitName(Name).Seed;

    /// <summary>Reads a run; null, with how far it is, where it has not come to its end.</summary>
    /// <exception cref="UserErrorException">A file is missing, damaged or contradicts another.</exception>
    public static StudyRun? Read(string folder, out string progress)
    {
        string metrics = Path.Combine(folder, MetricsWriter.FileName), saved = Path.Combine(folder, RunFolder.RecipeFile);
        progress = "not begun";
        if (!File.Exists(metrics) || !File.Exists(saved)) return null;
        Recipe recipe = RecipeLoader.LoadFile(saved).Recipe;
        var rows = MetricsRows.Read(metrics);
        long done = rows.Steps.Count > 0 ? rows.Steps[^1].Step : 0;
        progress = $"at step {done} of {recipe.Training.MaxSteps}";
        if (done < recipe.Training.MaxSteps || !rows.Losses.ContainsKey(done)) return null;
        TransformerSpec spec = HuggingFaceFolder.ReadSpec(CheckpointStore.ResolveModelFolder(folder, out _));
        return Of(Path.GetFileName(Path.TrimEndingDirectorySeparator(folder)), recipe, spec, rows, metrics) with
        {
            Timed = !File.Exists(Path.Combine(folder, UntimedMark)),
            Processor = StudyMachine.Read(folder, done),
        };
    }

    /// <summary>A run's sums; its times are taken to mean something.</summary>
    /// <exception cref="UserErrorException">Rows contradict each other.</exception>
    internal static StudyRun Of(string name, Recipe recipe, TransformerSpec spec, MetricsRows rows, string path)
    {
        var template = new TemplateFlops(spec, recipe.Training.SequenceLength, recipe.Sparsity);
        bool growsByGradients = TopologyRule.GradientShareOf(recipe.Sparsity) > 0;
        var curve = new List<CurvePoint>();
        TokenFlops flops = default;
        (double seconds, long tokens) = (0, 0);
        IReadOnlyDictionary<string, double>? densities = null;
        if (rows.Losses.TryGetValue(0, out double first)) curve.Add(new CurvePoint(0, 0, 0, first));
        foreach (StepRow row in rows.Steps)
        {
            if (densities is not null) RequireAgreement(template, densities, row, path);
            TopologyRow? change = rows.Topologies.GetValueOrDefault(row.Step);
            // What grows to the full needs no choice, and so no gradients of what is dead.
            bool denseGradients = change is { Density: < 1 } && growsByGradients;
            TokenFlops token = template.Of(weight => densities is null ? row.Density : densities.GetValueOrDefault(weight, 1), denseGradients, row.AttentionShare);
            flops += token * (row.Tokens - tokens);
            (tokens, seconds) = (row.Tokens, seconds + row.Milliseconds / 1000);
            if (change is not null) densities = change.Layers;
            if (rows.Losses.TryGetValue(row.Step, out double loss)) curve.Add(new CurvePoint(tokens, flops.Layers, seconds, loss));
        }

        StepRow last = rows.Steps[^1];
        return new StudyRun
        {
            Name = name,
            Steps = last.Step,
            Tokens = tokens,
            Flops = flops,
            ExecutedFlops = last.Flops,
            Seconds = seconds,
            Timed = true,
            Processor = "",
            Joules = last.EnergySource is null or EnergySources.Estimate ? null : last.Joules,
            Curve = curve,
        };
    }

    /// <summary>Seconds of steps until the loss was as low as that, on straight lines between evaluations; null where it never was.</summary>
    public double? SecondsTo(double loss)
    {
        int reached = 0;
        while (reached < Curve.Count && Curve[reached].Loss > loss) reached++;
        if (reached == Curve.Count) return null;
        if (reached == 0) return Curve[0].Seconds;
        (CurvePoint before, CurvePoint after) = (Curve[reached - 1], Curve[reached]);
        return before.Seconds + (after.Seconds - before.Seconds) * (before.Loss - loss) / (before.Loss - after.Loss);
    }

    /// <summary>The variant and the seed of a folder's name; a name without a seed is a variant of its own.</summary>
    public static (string Variant, string Seed) SplitName(string name)
    {
        const string Mark = "-seed";
        int at = name.LastIndexOf(Mark, StringComparison.Ordinal);
        return at < 1 ? (name, "") : (name[..at], name[(at + Mark.Length)..]);
    }

    /// <summary>Rows of topology have each matrix's density, rows of steps the mean of all.</summary>
    static void RequireAgreement(TemplateFlops template, IReadOnlyDictionary<string, double> densities, StepRow row, string path)
    {
        (double live, double all) = (0, 0);
        foreach ((string name, double weights) in template.Weights)
        {
            if (!densities.TryGetValue(name, out double density)) continue;
            live += density * weights;
            all += weights;
        }

        if (!(Math.Abs(live / all - row.Density) <= 1e-6))
            throw new UserErrorException($"{path}: step {row.Step} has the density {row.Density}, and by the row of topology before it {live / all}: rows are missing or of another model.");
    }
}
