using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using Litespark.Benchmarks.Measuring;
using Litespark.Benchmarks.Reporting;
using Litespark.Devices.Cpu;
using Litespark.Devices.Cpu.Simd;

namespace Litespark.Benchmarks.Verbs;

/// <summary><c>sparse</c>: products with block-sparse weights beside our own dense ones.</summary>
internal sealed class SparseVerb : Verb
{
    /// <summary>Sums in another order differ by less, relative to the largest element.</summary>
    const double Tolerance = 1e-4;

    readonly Option<string> threads = Parameters.Threads();
    readonly Option<string> size = Parameters.Size("all");
    readonly Option<string> densities = new("--density") { HelpName = "D,…", Description = "Shares of live blocks", DefaultValueFactory = _ => "0.5,0.25,0.1,0.05" };
    readonly Option<int> block = new("--block") { HelpName = "N", Description = "Side of a block", DefaultValueFactory = _ => 16 };
    readonly Option<int> rounds = Parameters.Rounds(5);

    public SparseVerb() : base("sparse", "The products of training with block-sparse weights, beside our dense ones")
    {
        Add(threads);
        Add(size);
        Add(densities);
        Add(block);
        Add(rounds);
    }

    protected override int Run(ParseResult options, Report report)
    {
        IReadOnlyList<ModelShape> shapes = ModelShape.Select(options.GetValue(size)!);
        double[] shares = ParseShares(options.GetValue(densities)!);
        int side = Parameters.AtLeastOne("--block", options.GetValue(block)), turns = Parameters.AtLeastOne("--rounds", options.GetValue(rounds));
        foreach (int count in Parameters.ParseThreads(options.GetValue(threads)!))
        {
            using var pool = new WorkerPool(count);
            foreach (ModelShape shape in shapes)
                foreach (double density in shares) Measure(pool, shape, side, density, turns, report);
        }

        return 0;
    }

    /// <summary>Numbers above 0 and up to 1.</summary>
    static double[] ParseShares(string text)
    {
        string[] parts = text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        double[] numbers = [.. parts.Select(part => double.TryParse(part, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double number) ? number : 0)];
        if (numbers.Length == 0 || numbers.Any(number => number is not (> 0 and <= 1))) throw new UserErrorException($"--density: expected numbers above 0 and up to 1 with commas between them, found '{text}'.");
        return numbers;
    }

    static void Measure(WorkerPool pool, ModelShape shape, int side, double density, int turns, Report report)
    {
        var table = new TextTable(2, "layer", "product", "weights", "dense ms", "sparse ms", "ratio", "GFLOP/s", "of peak", "error");
        var probe = new PeakProbe();
        var ratios = new List<(string Product, double Ratio)>();
        double peak = 0;
        foreach (SparseLayer layer in SparseLayer.Of(shape.Spec))
        {
            Status($"{shape.Preset}, {pool.ThreadCount} threads, density {density}: {layer.Name}");
            using var pair = new SparsePair(pool, layer, shape.Tokens, side, density);
            foreach ((string name, Action dense, Action sparse, double error) in pair.Products)
            {
                if (!(error <= Tolerance)) throw new RunFailureException($"{layer.Name}, {name}: the results differ by {error:G3} of the largest element; their times would mean nothing.");
                // Both sides run on our pool: nobody's workers are in anybody's way.
                var contest = new Contest(pool, probe) { Rounds = turns, WaitsForQuiet = false };
                double[] seconds = contest.Measure(new Contender("dense", dense), new Contender("sparse", sparse));
                double ratio = seconds[0] / seconds[1], rate = 2.0 * shape.Tokens * pair.LiveElements / seconds[1];
                ratios.Add((name, ratio));
                peak = Math.Max(peak, contest.Peak);
                table.Add(layer.Name, name, $"{layer.Rows} × {layer.Columns}", $"{seconds[0] * 1e3:F3}", $"{seconds[1] * 1e3:F3}", Figures.Times(ratio), Figures.Gflops(rate),
                    Figures.Percent(rate / contest.Peak), $"{error:0.0e+0}");
                report.Raw(new JsonObject
                {
                    ["model"] = shape.Preset, ["threads"] = pool.ThreadCount, ["registers"] = SimdWidth.Name, ["layer"] = layer.Name, ["product"] = name, ["tokens"] = shape.Tokens,
                    ["rows"] = layer.Rows, ["columns"] = layer.Columns, ["block"] = side, ["density"] = density, ["live_blocks"] = pair.Live, ["dense_ms"] = Figures.Raw(seconds[0] * 1e3),
                    ["sparse_ms"] = Figures.Raw(seconds[1] * 1e3), ["ratio"] = Figures.Raw(ratio), ["gflops"] = Figures.Raw(rate / 1e9), ["peak_gflops"] = Figures.Raw(contest.Peak / 1e9),
                    ["error"] = Figures.Raw(error),
                });
            }
        }

        report.Line($"{shape.Preset}, {shape.Tokens} tokens, {pool.ThreadCount} threads, {SimdWidth.Name}, blocks of {side} × {side}, {Figures.Percent(density)} live; FMA peak {Figures.Gflops(peak)} GFLOP/s (largest sample); GFLOP/s of live work");
        report.Table(table);
        IEnumerable<string> means = ratios.GroupBy(row => row.Product).Select(rows => $"{rows.Key} {Figures.Times(Statistics.GeometricMean(rows.Select(row => row.Ratio)))}");
        double all = Statistics.GeometricMean(ratios.Select(row => row.Ratio));
        report.Line($"  geometric means: {string.Join(", ", means)}; all {Figures.Times(all)}; worst {Figures.Times(ratios.Min(row => row.Ratio))}");
        report.Line();
        report.Summary($"{shape.Name}_{pool.ThreadCount}_threads_density_{density}", Figures.Raw(all));
    }
}
