using System.CommandLine;
using System.Text.Json.Nodes;
using Litespark.Benchmarks.Measuring;
using Litespark.Benchmarks.Reporting;
using Litespark.Devices.Cpu;

namespace Litespark.Benchmarks.Verbs;

/// <summary><c>gemm</c>: the matrix products of a training step, ours beside OpenBLAS in one process.</summary>
internal sealed class GemmVerb : Verb
{
    /// <summary>Two right results of fp32 sums of some thousand terms differ by less, relative to the largest element.</summary>
    const double Tolerance = 1e-4;

    readonly Option<string> threads = Parameters.Threads();
    readonly Option<string> size = Parameters.Size("all");
    // Many short turns, some hundredths of a second apart: neighbours on the machine come and go.
    static readonly TimeSpan Turn = TimeSpan.FromMilliseconds(10);

    readonly Option<int> rounds = Parameters.Rounds(15);

    public GemmVerb() : base("gemm", "The matrix products of a training step, ours beside OpenBLAS: GFLOP/s, ratio, share of the FMA peak")
    {
        Add(threads);
        Add(size);
        Add(rounds);
    }

    protected override int Run(ParseResult options, Report report)
    {
        IReadOnlyList<ModelShape> shapes = ModelShape.Select(options.GetValue(size)!);
        int turns = Parameters.AtLeastOne("--rounds", options.GetValue(rounds));

        OpenBlas? found = Parameters.FindOpenBlas(report);
        foreach (int count in Parameters.ParseThreads(options.GetValue(threads)!))
        {
            OpenBlas? blas = Parameters.ForThreads(found, count, report);

            using var pool = new WorkerPool(count);
            foreach (ModelShape shape in shapes) Measure(pool, shape, blas, turns, report);
        }

        return 0;
    }

    static void Measure(WorkerPool pool, ModelShape shape, OpenBlas? blas, int turns, Report report)
    {
        var table = new TextTable(2, "layer", "product", "M", "N", "K", "calls", "GFLOP/s", "OpenBLAS", "ratio", "quartiles", "of peak", "error");
        var probe = new PeakProbe();
        var rated = new List<RatedRow>();
        double worstError = 0, peak = 0;
        blas?.UseThreads(pool.ThreadCount);
        foreach (GemmRow row in GemmRows.Of(shape))
        {
            Status($"{shape.Preset}, {pool.ThreadCount} threads: {row.Layer}, {row.Product}");
            var contest = new Contest(pool, probe) { Rounds = turns, Block = Turn };
            using var pair = new GemmPair(pool, row.Form, blas);
            double error = blas is null ? 0 : pair.Error();
            if (!(error <= Tolerance)) throw new RunFailureException($"{row.Layer}, {row.Product}: the results differ by {error:G3} of the largest element; their times would mean nothing.");
            double[][] seconds = blas is null ? contest.MeasureTurns(new Contender("ours", pair.RunOurs)) : contest.MeasureTurns(new("ours", pair.RunOurs), new("OpenBLAS", pair.RunTheirs));
            double ours = row.Form.Flops / Statistics.Median(seconds[0]), theirs = blas is null ? double.NaN : row.Form.Flops / Statistics.Median(seconds[1]);
            double[] ratios = blas is null ? [] : [.. seconds[1].Zip(seconds[0], (their, our) => their / our)];
            if (blas is not null) rated.Add(new(row, ours, Statistics.Median(ratios)));
            (worstError, peak) = (Math.Max(worstError, error), Math.Max(peak, contest.Peak));
            GemmForm form = row.Form;
            table.Add(row.Layer, row.Product, $"{form.M}", $"{form.N}", $"{form.K}", $"{row.Calls}", Figures.Gflops(ours),
                blas is null ? "-" : Figures.Gflops(theirs), blas is null ? "-" : Figures.Times(rated[^1].Ratio), blas is null ? "-" : $"{Statistics.Quantile(ratios, 0.25):F2} – {Statistics.Quantile(ratios, 0.75):F2}", Figures.Percent(ours / contest.Peak), blas is null ? "-" : $"{error:0.0e+0}");
            var raw = new JsonObject
            {
                ["model"] = shape.Preset, ["threads"] = pool.ThreadCount, ["layer"] = row.Layer, ["product"] = row.Product,
                ["m"] = form.M, ["n"] = form.N, ["k"] = form.K, ["calls"] = row.Calls, ["ms"] = Figures.Raw(Statistics.Median(seconds[0]) * 1e3),
                ["gflops"] = Figures.Raw(ours / 1e9), ["peak_gflops"] = Figures.Raw(contest.Peak / 1e9),
            };
            if (blas is not null)
            {
                (raw["openblas_ms"], raw["openblas_gflops"]) = (Figures.Raw(Statistics.Median(seconds[1]) * 1e3), Figures.Raw(theirs / 1e9));
                (raw["ratio"], raw["ratio_lower_quartile"], raw["ratio_upper_quartile"]) = (Figures.Raw(rated[^1].Ratio), Figures.Raw(Statistics.Quantile(ratios, 0.25)), Figures.Raw(Statistics.Quantile(ratios, 0.75)));
                raw["error"] = Figures.Raw(error);
            }

            report.Raw(raw);
        }

        report.Line($"{shape.Preset}, micro-batch {shape.MicroBatch} × {shape.SequenceLength}, {pool.ThreadCount} threads, FMA peak {Figures.Gflops(peak)} GFLOP/s (largest sample)");
        report.Table(table);
        if (blas is not null) report.Line("  ratio: OpenBLAS's time over ours, median over the rounds of what two neighbouring turns say, and its quartiles; the rates are medians for themselves");
        if (blas is not null) Summarize(shape, pool.ThreadCount, rated, worstError, report);
        report.Line();
    }

    static void Summarize(ModelShape shape, int threads, List<RatedRow> rated, double worstError, Report report)
    {
        double mean = Statistics.GeometricMean(rated.Select(row => row.Ratio));
        RatedRow worst = rated.MinBy(row => row.Ratio)!;
        double weighted = Statistics.WeightedRatio(rated.Where(row => row.Row.Calls > 0).Select(row => (row.Row.Form.Flops * row.Row.Calls, row.Ours, row.Ours / row.Ratio)));
        report.Line($"  geometric mean of the ratios {Figures.Times(mean)}; at least 1 in {rated.Count(row => row.Ratio >= 1)} of {rated.Count} rows; worst {worst.Row.Layer}, {worst.Row.Product} {Figures.Times(worst.Ratio)}; "
            + $"all products of a step (FLOP-weighted, by calls) {Figures.Times(weighted)}; largest difference of results {worstError:0.0e+0}");
        string prefix = $"{shape.Name}_{threads}_threads_";
        report.Summary(prefix + "geometric_mean", Figures.Raw(mean));
        report.Summary(prefix + "worst", Figures.Raw(worst.Ratio));
        report.Summary(prefix + "flop_weighted", Figures.Raw(weighted));
    }

    /// <summary>A row with our rate and the ratio of the rates: the median over rounds, in each of which both sides were neighbours.</summary>
    sealed record RatedRow(GemmRow Row, double Ours, double Ratio);
}
