namespace Litespark.Benchmarks.Studies;

/// <summary>The runs of one variant, one for each seed, beside the dense ones. Comparisons are made over the seeds that both have.</summary>
internal sealed class StudyVariant
{
    readonly (StudyRun Own, StudyRun Dense)[] pairs;

    /// <param name="entry">What it is.</param>
    /// <param name="runs">Its runs, at least one.</param>
    /// <param name="dense">The runs that it is held against.</param>
    public StudyVariant(StudyEntry entry, IReadOnlyList<StudyRun> runs, IReadOnlyList<StudyRun> dense)
    {
        Entry = entry;
        Runs = runs;
        pairs = [.. runs.Join(dense, run => run.Seed, run => run.Seed, (own, other) => (own, other))];
    }

    public StudyEntry Entry { get; }

    public string Name => Runs[0].Variant;

    public IReadOnlyList<StudyRun> Runs { get; }

    /// <summary>FLOPs by the template over the dense runs', the head left out.</summary>
    public double? FlopsHeadApart => Over(run => run.Flops.Layers);

    /// <summary>The same with the head.</summary>
    public double? FlopsWithHead => Over(run => run.Flops.Whole);

    /// <summary>FLOPs that kernels executed over the dense runs'.</summary>
    public double? ExecutedFlops => Over(run => run.ExecutedFlops);

    /// <summary>Seconds of a run, as the mean over all seeds; null where one was trained beside other work.</summary>
    public double? Seconds => Runs.All(run => run.Timed) ? Runs.Average(run => run.Seconds) : null;

    /// <summary>Seconds of the dense runs over those of these; null where they were not all trained by one processor that did nothing else.</summary>
    public double? Speedup => TimesAreComparable ? 1 / Over(run => run.Seconds) : null;

    /// <summary>The loss at the end: mean, lowest and highest of all seeds.</summary>
    public (double Mean, double Lowest, double Highest) Loss => (Runs.Average(run => run.FinalLoss), Runs.Min(run => run.FinalLoss), Runs.Max(run => run.FinalLoss));

    /// <summary>How much higher the loss is than the dense runs', as a share of theirs.</summary>
    public double? Gap => Over(run => run.FinalLoss) - 1;

    /// <summary>Seeds that both have.</summary>
    public int Pairs => pairs.Length;

    /// <summary>Seeds whose loss came down to the final one of the dense run of that seed.</summary>
    public int Reached => pairs.Count(pair => pair.Own.SecondsTo(pair.Dense.FinalLoss) is not null);

    /// <summary>Whether one processor, and a known one, trained these runs and the dense ones, and nothing beside them.</summary>
    bool TimesAreComparable => pairs.Length > 0 && pairs.All(pair => pair.Own.Timed && pair.Dense.Timed) && pairs[0].Own.Processor is { Length: > 0 } one && pairs.All(pair => pair.Own.Processor == one && pair.Dense.Processor == one);

    /// <summary>Seconds until then, as the mean; null where a seed never did, or where times are not comparable.</summary>
    public double? SecondsToDenseLoss => TimesAreComparable && Reached == pairs.Length ? pairs.Average(pair => pair.Own.SecondsTo(pair.Dense.FinalLoss)) : null;

    /// <summary>Measured joules of a run, as the mean; null where a run has only an estimate, or shared its processor, whose meter counts all.</summary>
    public double? Joules => Runs.All(run => run.Timed && run.Joules is not null) ? Runs.Average(run => run.Joules) : null;

    double? Over(Func<StudyRun, double> figure) => pairs.Length == 0 ? null : pairs.Sum(pair => figure(pair.Own)) / pairs.Sum(pair => figure(pair.Dense));
}
