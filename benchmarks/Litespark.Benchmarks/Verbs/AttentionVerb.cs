using System.CommandLine;
using System.Text.Json.Nodes;
using Litespark.Benchmarks.Measuring;
using Litespark.Benchmarks.Reporting;
using Litespark.Devices.Cpu;
using Litespark.Graphs;
using Litespark.Graphs.Ops;

namespace Litespark.Benchmarks.Verbs;

/// <summary><c>attention</c>: the fused kernels beside whole matrices by OpenBLAS.</summary>
internal sealed class AttentionVerb : Verb
{
    const double Tolerance = 1e-4;

    /// <summary>Tokens of a batch, as far as one sequence is not longer.</summary>
    const int BatchTokens = 2048;

    /// <summary>Query heads, key/value heads, width of a head.</summary>
    static readonly (int Heads, int KeyValueHeads, int HeadDim)[] Layers = [(6, 6, 48), (12, 12, 64), (8, 8, 128), (8, 2, 128)];

    readonly Option<string> threads = Parameters.Threads();
    readonly Option<string> lengths = new("--lengths") { HelpName = "T,…", Description = "Sequence lengths", DefaultValueFactory = _ => "256,512,1024,2048,4096" };
    readonly Option<string?> patterns = new("--pattern")
    {
        HelpName = "MODE:WINDOW:STRIDE:BLOCK,…",
        Description = "Sparse attention beside dense attention: local, strided, local_strided, fixed or dense; what is left out is 128, 128 and 1",
    };
    readonly Option<string> heads = new("--heads") { HelpName = "all|HxK,…", Description = "Only layers with so many query heads of so many columns", DefaultValueFactory = _ => "all" };
    readonly Option<int> rounds = Parameters.Rounds(5);

    public AttentionVerb() : base("attention", "Causal attention, forward and backward, beside the materialised form on OpenBLAS")
    {
        Add(threads);
        Add(lengths);
        Add(patterns);
        Add(heads);
        Add(rounds);
    }

    protected override int Run(ParseResult options, Report report)
    {
        int[] lengthList = Parameters.ParseNumbers("--lengths", options.GetValue(lengths)!);
        int turns = Parameters.AtLeastOne("--rounds", options.GetValue(rounds));
        string wanted = options.GetValue(heads)!;
        (int Heads, int KeyValueHeads, int HeadDim)[] layers = [.. Layers.Where(layer => wanted == "all" || wanted.Split(',').Contains($"{layer.Heads}x{layer.HeadDim}"))];
        if (layers.Length == 0) throw new UserErrorException($"--heads: expected all or some of {string.Join(", ", Layers.Select(layer => $"{layer.Heads}x{layer.HeadDim}").Distinct())}, found '{wanted}'.");
        if (options.GetValue(patterns) is { } list)
        {
            AttentionPattern[] patternList = PatternTable.Parse(list);
            foreach (int count in Parameters.ParseThreads(options.GetValue(threads)!)) PatternTable.Measure(count, Geometries(layers, lengthList), patternList, turns, report);
            return 0;
        }

        OpenBlas? found = Parameters.FindOpenBlas(report);
        foreach (int count in Parameters.ParseThreads(options.GetValue(threads)!))
        {
            OpenBlas? blas = Parameters.ForThreads(found, count, report);

            using var pool = new WorkerPool(count);
            var probe = new PeakProbe();
            var table = new TextTable(3, "heads", "batch", "pass", "GFLOP/s", "of peak", "materialised", "ratio", "error");
            foreach (AttentionGeometry geometry in Geometries(layers, lengthList)) Measure(pool, probe, geometry, blas, turns, table, report);
            report.Line($"{count} threads; FLOPs of the causal area, backward with its second q·kᵀ");
            report.Table(table);
            report.Line();
        }

        return 0;
    }

    static IEnumerable<AttentionGeometry> Geometries((int Heads, int KeyValueHeads, int HeadDim)[] layers, int[] lengths)
        => layers.SelectMany(layer => lengths.Select(length => new AttentionGeometry(Math.Max(1, BatchTokens / length), length, layer.Heads, layer.KeyValueHeads, layer.HeadDim)));

    static void Measure(WorkerPool pool, PeakProbe probe, AttentionGeometry g, OpenBlas? blas, int turns, TextTable table, Report report)
    {
        string heads = g.Heads == g.KeyValueHeads ? $"{g.Heads} × {g.HeadDim}" : $"{g.Heads}/{g.KeyValueHeads} × {g.HeadDim}";
        Status($"attention {heads}, {g.Sequences} × {g.SequenceLength}, {pool.ThreadCount} threads");
        using var pair = new AttentionPair(pool, g, blas);
        double error = pair.Error();
        if (!(error <= Tolerance)) throw new RunFailureException($"attention {heads}, {g.SequenceLength} tokens: the results differ by {error:G3} of the largest element; their times would mean nothing.");
        foreach ((string pass, Contender[] sides, double flops) in new[] { ("forward", pair.Forward, pair.ForwardFlops), ("backward", pair.Backward, pair.BackwardFlops) })
        {
            // Both sides run on our pool: nobody's workers are in anybody's way.
            var contest = new Contest(pool, probe) { Rounds = turns, WaitsForQuiet = false };
            double[] seconds = contest.Measure(sides);
            double ours = flops / seconds[0];
            bool compared = seconds.Length > 1;
            table.Add(heads, $"{g.Sequences} × {g.SequenceLength}", pass, Figures.Gflops(ours), Figures.Percent(ours / contest.Peak),
                compared ? Figures.Gflops(flops / seconds[1]) : "-", compared ? Figures.Times(seconds[1] / seconds[0]) : "-", compared ? $"{error:0.0e+0}" : "-");
            var raw = new JsonObject
            {
                ["threads"] = pool.ThreadCount, ["heads"] = g.Heads, ["kv_heads"] = g.KeyValueHeads, ["head_dim"] = g.HeadDim, ["sequences"] = g.Sequences,
                ["length"] = g.SequenceLength, ["pass"] = pass, ["ms"] = Figures.Raw(seconds[0] * 1e3), ["gflops"] = Figures.Raw(ours / 1e9), ["peak_gflops"] = Figures.Raw(contest.Peak / 1e9),
            };
            if (compared) (raw["materialised_ms"], raw["ratio"], raw["error"]) = (Figures.Raw(seconds[1] * 1e3), Figures.Raw(seconds[1] / seconds[0]), Figures.Raw(error));
            report.Raw(raw);
        }
    }
}
