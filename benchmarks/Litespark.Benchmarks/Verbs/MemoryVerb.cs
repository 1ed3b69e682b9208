using System.CommandLine;
using System.Text.Json.Nodes;
using Litespark.Benchmarks.Measuring;
using Litespark.Benchmarks.Reporting;
using Litespark.Devices.Cpu;
using Litespark.Devices.Cpu.Simd;
using Litespark.Models;

namespace Litespark.Benchmarks.Verbs;

/// <summary><c>memory</c>: kernels that move more than they compute, beside a copy of as many bytes.</summary>
internal sealed class MemoryVerb : Verb
{
    const string Far = "far";

    /// <summary>Bytes of a run that no cache holds.</summary>
    const double FarBytes = 256 << 20;

    /// <summary>Larger copies are no faster and no slower, only longer.</summary>
    const double LargestCopy = 512 << 20;

    /// <summary>Parameters of an update at most: more change nothing beyond the caches.</summary>
    const long MostParameters = 32 << 20;

    readonly Option<string> threads = Parameters.Threads();
    readonly Option<int> rounds = Parameters.Rounds(5);
    readonly Option<string?> only = new("--only") { HelpName = "KERNEL,…", Description = "Kernels whose names begin so" };
    readonly Option<string> size = new("--size") { HelpName = "far|15m|110m|all", Description = "Beyond the caches, or as in a step of a model", DefaultValueFactory = _ => "all" };

    public MemoryVerb() : base("memory", "Memory-bound kernels in GB/s beside a copy of as many bytes, beyond the caches and at the sizes of a step")
    {
        Add(threads);
        Add(rounds);
        Add(only);
        Add(size);
    }

    protected override int Run(ParseResult options, Report report)
    {
        int turns = Parameters.AtLeastOne("--rounds", options.GetValue(rounds));
        string[] prefixes = (options.GetValue(only) ?? "").Split(',', StringSplitOptions.TrimEntries);
        string chosen = options.GetValue(size)!;
        bool far = chosen is Far or "all";
        if (chosen != Far && chosen != "all" && ModelShape.All.All(shape => shape.Name != chosen))
            throw new UserErrorException($"--size: expected {Far}, {string.Join(", ", ModelShape.All.Select(shape => shape.Name))} or all, found '{chosen}'.");
        IReadOnlyList<ModelShape> shapes = chosen == Far ? [] : ModelShape.Select(chosen);
        foreach (int count in Parameters.ParseThreads(options.GetValue(threads)!))
        {
            using var pool = new WorkerPool(count);
            if (far) Measure(pool, $"beyond the caches (some {FarBytes / (1 << 20):F0} MiB, widths of llama-110m)", Far, ModelShape.All[^1], (one, _) => (int)Math.Ceiling(FarBytes / one.Bytes(1024) * 1024), prefixes, turns, report);
            foreach (ModelShape shape in shapes)
                Measure(pool, $"as in a step of {shape.Preset}, {shape.MicroBatch} × {shape.SequenceLength}", shape.Name, shape, StepRows, prefixes, turns, report);
        }

        return 0;
    }

    static int StepRows(MemoryCase one, ModelShape shape) => one.Rows switch
    {
        RowKind.Tokens => shape.Tokens,
        RowKind.Logits => GemmRows.LossChunk(shape),
        _ => (int)(Math.Min(MostParameters, ParameterCatalog.TotalParameters(shape.Spec)) / MemoryCases.ParameterRow),
    };

    static void Measure(WorkerPool pool, string title, string size, ModelShape shape, Func<MemoryCase, ModelShape, int> rowsOf, string[] prefixes, int turns, Report report)
    {
        var table = new TextTable(1, "kernel", "MiB moved", "µs", "GB/s", "copy GB/s", "of copy", "arithmetic GB/s", "roof", "of roof", "streaming GB/s", "of streaming");
        var probe = new InstructionProbe();
        foreach (MemoryCase one in MemoryCases.Of(shape).Where(one => Array.Exists(prefixes, prefix => one.Name.StartsWith(prefix, StringComparison.Ordinal))))
        {
            Status($"{one.Name}, {size}, {pool.ThreadCount} threads");
            int rows = rowsOf(one, shape);
            double bytes = one.Bytes(rows);
            using BoundOp kernel = one.Create(pool, rows);
            using var roof = new CopyRoof(pool, Math.Min(bytes, LargestCopy));
            Contender[] copies = [.. roof.Sides];
            double before = probe.Sample(pool);
            double[] seconds = new Contest(pool, new PeakProbe()) { Rounds = turns, WaitsForQuiet = false }.Measure([new(one.Name, kernel.Run), .. copies]);
            double rate = bytes / seconds[0], instructions = one.InstructionsOf(rows, SimdWidth.Count);
            double perSecond = Math.Max(before, probe.Sample(pool)), arithmetic = instructions > 0 ? bytes / instructions * perSecond : double.PositiveInfinity;
            double copyRate = FastestCopy(streams: false), streamingRate = FastestCopy(streams: true), roofRate = Math.Min(copyRate, arithmetic);
            table.Add(one.Name, $"{bytes / (1 << 20):F1}", $"{seconds[0] * 1e6:F1}", Figures.Gigabytes(rate), Figures.Gigabytes(copyRate), Figures.Percent(rate / copyRate), double.IsFinite(arithmetic) ? Figures.Gigabytes(arithmetic) : "-", arithmetic < copyRate ? "arithmetic" : "copy", Figures.Percent(rate / roofRate), streamingRate > 0 ? Figures.Gigabytes(streamingRate) : "-", streamingRate > 0 ? Figures.Percent(rate / streamingRate) : "-");
            var raw = new JsonObject
            {
                ["threads"] = pool.ThreadCount, ["size"] = size, ["kernel"] = one.Name, ["rows"] = rows, ["bytes"] = bytes, ["us"] = Figures.Raw(seconds[0] * 1e6), ["gb_per_s"] = Figures.Raw(rate / 1e9),
            };
            for (int i = 0; i < copies.Length; i++) raw[copies[i].Name.Replace(' ', '_') + "_gb_per_s"] = Figures.Raw(roof.Bytes / seconds[1 + i] / 1e9);
            raw["of_copy"] = Figures.Raw(rate / copyRate);
            if (double.IsFinite(arithmetic)) (raw["instructions"], raw["instructions_per_s"]) = (instructions, perSecond);
            raw["of_roof"] = Figures.Raw(rate / roofRate);
            if (streamingRate > 0) raw["of_streaming"] = Figures.Raw(rate / streamingRate);
            report.Raw(raw);

            double FastestCopy(bool streams) => Enumerable.Range(0, copies.Length).Where(i => CopyRoof.Streams(copies[i]) == streams)
                .Select(i => roof.Bytes / seconds[1 + i]).DefaultIfEmpty().Max();
        }

        report.Line($"{pool.ThreadCount} threads, {title}");
        report.Table(table);
        report.Line();
    }
}
