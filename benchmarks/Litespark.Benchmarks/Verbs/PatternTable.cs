using System.Globalization;
using System.Text.Json.Nodes;
using Litespark.Benchmarks.Measuring;
using Litespark.Benchmarks.Reporting;
using Litespark.Devices.Cpu;
using Litespark.Graphs;
using Litespark.Graphs.Ops;

namespace Litespark.Benchmarks.Verbs;

/// <summary><c>attention --pattern</c>: what sparse attention takes of the time of dense attention, and of its pairs.</summary>
internal static class PatternTable
{
    const int Usual = 128;

    static readonly (string Name, AttentionMode Mode)[] Modes =
        [("dense", AttentionMode.Causal), ("local", AttentionMode.Local), ("strided", AttentionMode.Strided), ("local_strided", AttentionMode.LocalOrStrided), ("fixed", AttentionMode.Fixed)];

    /// <summary>Patterns with commas between them.</summary>
    /// <exception cref="UserErrorException">It is something else.</exception>
    public static AttentionPattern[] Parse(string text) => [.. text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries).Select(ParseOne)];

    /// <summary>Measures every pattern for every geometry on so many threads.</summary>
    public static void Measure(int threads, IEnumerable<AttentionGeometry> geometries, AttentionPattern[] patterns, int rounds, Report report)
    {
        using var pool = new WorkerPool(threads);
        var probe = new PeakProbe();
        var table = new TextTable(3, "heads", "batch", "pattern", "pairs", "forward ms", "of dense", "backward ms", "of dense");
        foreach (AttentionGeometry g in geometries)
        {
            string heads = $"{g.Heads} × {g.HeadDim}", batch = $"{g.Sequences} × {g.SequenceLength}";
            foreach (AttentionPattern pattern in patterns)
            {
                string name = NameOf(pattern);
                Verb.Status($"attention {heads}, {batch}, {name}, {threads} threads");
                using var dense = new AttentionPair(pool, g, blas: null);
                using var sparse = new AttentionPair(pool, g, blas: null, pattern);
                var contest = new Contest(pool, probe) { Rounds = rounds, WaitsForQuiet = false };
                double[] forward = contest.Measure(dense.Forward[0], sparse.Forward[0]), backward = contest.Measure(dense.Backward[0], sparse.Backward[0]);
                table.Add(heads, batch, name, Figures.Percent(sparse.Share), Milliseconds(forward[1]), Figures.Percent(forward[1] / forward[0]), Milliseconds(backward[1]), Figures.Percent(backward[1] / backward[0]));
                report.Raw(new JsonObject
                {
                    ["threads"] = threads, ["heads"] = g.Heads, ["kv_heads"] = g.KeyValueHeads, ["head_dim"] = g.HeadDim, ["sequences"] = g.Sequences, ["length"] = g.SequenceLength,
                    ["pattern"] = name, ["share"] = Figures.Raw(sparse.Share), ["forward_ms"] = Figures.Raw(forward[1] * 1e3), ["dense_forward_ms"] = Figures.Raw(forward[0] * 1e3),
                    ["backward_ms"] = Figures.Raw(backward[1] * 1e3), ["dense_backward_ms"] = Figures.Raw(backward[0] * 1e3),
                });
            }
        }

        report.Line($"{threads} threads; pairs and times as shares of dense attention, measured in turns");
        report.Table(table);
        report.Line();
    }

    static AttentionPattern ParseOne(string text)
    {
        string[] parts = text.Split(':');
        int mode = Array.FindIndex(Modes, known => known.Name == parts[0]);
        int[] numbers = [.. parts.Skip(1).Select(part => int.TryParse(part, NumberStyles.None, CultureInfo.InvariantCulture, out int number) ? number : 0)];
        if (mode < 0 || numbers.Length > 3 || numbers.Any(number => number < 1))
            throw new UserErrorException($"--pattern: expected one of {string.Join(", ", Modes.Select(known => known.Name))}, then up to three positive numbers (window, stride, block) with colons between them; found '{text}'.");
        return new AttentionPattern(Modes[mode].Mode, numbers.ElementAtOrDefault(0) is > 0 and int window ? window : Usual, numbers.ElementAtOrDefault(1) is > 0 and int stride ? stride : Usual,
            numbers.ElementAtOrDefault(2) is > 0 and int block ? block : 1);
    }

    static string NameOf(AttentionPattern pattern)
    {
        string name = Modes.First(known => known.Mode == pattern.Mode).Name;
        if (pattern.Window > 0) name += $", window {pattern.Window}";
        if (pattern.Stride > 0) name += $", stride {pattern.Stride}";
        return pattern.Block > 1 ? name + $", blocks of {pattern.Block}" : name;
    }

    static string Milliseconds(double seconds) => (seconds * 1e3).ToString("0.00", CultureInfo.InvariantCulture);
}
