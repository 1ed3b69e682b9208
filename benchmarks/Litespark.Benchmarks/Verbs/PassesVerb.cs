using System.CommandLine;
using System.Text.Json.Nodes;
using Litespark.Benchmarking;
using Litespark.Benchmarks.Measuring;
using Litespark.Benchmarks.Reporting;
using Litespark.Devices.Cpu;
using Litespark.Energy;
using Litespark.Planning;

namespace Litespark.Benchmarks.Verbs;

/// <summary><c>passes</c>: what each pass is worth: all passes but one beside all, and the baseline with one beside the baseline.</summary>
internal sealed class PassesVerb : Verb
{
    const double LossTolerance = 1e-4;

    static readonly string[] DefaultRows = ["15m 8 256", "110m 2 512", "15m 1 4096"];

    readonly Option<string[]> rows = new("--row") { HelpName = "\"SIZE BATCH SEQUENCE\"", Description = $"What to train; may be given several times (default: {string.Join(", ", DefaultRows)})" };
    readonly Option<string[]> only = new("--only") { HelpName = "PASS", Description = "Passes to measure; may be given several times (default: all)" };
    readonly Option<string> threads = Parameters.Threads();
    readonly Option<int> rounds = Parameters.Rounds(7);

    public PassesVerb() : base("passes", "Each pass: the litespark plan without it, and the baseline plan with it alone, in turns")
    {
        Add(rows);
        Add(only);
        Add(threads);
        Add(rounds);
    }

    protected override int Run(ParseResult options, Report report)
    {
        int turns = Parameters.AtLeastOne("--rounds", options.GetValue(rounds));
        IReadOnlyList<string> passes = options.GetValue(only) is { Length: > 0 } asked ? asked : PlanOptions.PassNames;
        if (passes.FirstOrDefault(pass => !PlanOptions.PassNames.Contains(pass)) is { } unknown)
            throw new UserErrorException($"--only: no pass is called {unknown}; expected {string.Join(", ", PlanOptions.PassNames)}.");
        ModelShape[] shapes = [.. (options.GetValue(rows) is { Length: > 0 } given ? given : DefaultRows).Select(PeerVerb.ParseRow)];
        using var device = new CpuDevice(Parameters.ParseThreads(options.GetValue(threads)!)[0]);
        using IEnergyMeter energy = EnergyMeters.Open();
        foreach (ModelShape shape in shapes)
        {
            BenchmarkWorkload workload = Workloads.Of(shape, device);
            report.Line($"{shape.Preset}, micro-batch {shape.MicroBatch} × {shape.SequenceLength}, {device.Threads} threads, {turns} rounds; ratios of times of neighbouring turns");
            var table = new TextTable(2, "plan", "beside", "speed-up by the pass", "lowest", "highest", "ms", "ms beside", "arenas", "arenas beside");
            Compare(shape, workload, workload.LitesparkPlan, "litespark", [("baseline", workload.BaselinePlan, true), .. passes.Select(pass => ($"all but {pass}", workload.LitesparkPlan.With(pass, false), true))], energy, turns, table, report);
            Compare(shape, workload, workload.BaselinePlan, "baseline", passes.Select(pass => ($"baseline and {pass}", workload.BaselinePlan.With(pass, true), false)), energy, turns, table, report);
            report.Table(table);
            report.Line();
        }

        return 0;
    }

    /// <summary>Each variant in turns with one reference; where the variant lacks the pass, the pass's speed-up is the variant's time over the reference's.</summary>
    static void Compare(ModelShape shape, BenchmarkWorkload workload, PlanOptions reference, string referenceName, IEnumerable<(string Name, PlanOptions Plan, bool Lacks)> variants,
        IEnergyMeter energy, int turns, TextTable table, Report report)
    {
        var turnLength = TimeSpan.FromSeconds(0.3);
        using BenchmarkSubject beside = workload.Load(reference);
        beside.WarmUp(2, turnLength);
        foreach ((string name, PlanOptions plan, bool lacks) in variants)
        {
            Status($"{shape.Preset}, {shape.MicroBatch} × {shape.SequenceLength}: {name}");
            Workloads.CheckMemory([(workload, plan)], "A smaller row needs less.");
            using BenchmarkSubject variant = workload.Load(plan);
            variant.WarmUp(1, turnLength);
            if (!(Math.Abs(variant.FirstLoss - beside.FirstLoss) <= LossTolerance * Math.Abs(beside.FirstLoss)))
                throw new RunFailureException($"{name}: the first step's loss is {variant.FirstLoss}, and {beside.FirstLoss} with {referenceName}.");
            var (times, besideTimes) = (new List<double>(), new List<double>());
            for (int round = 0; round < turns; round++)
            {
                // Who begins changes, so that a drifting clock favours neither.
                if (round % 2 == 0) besideTimes.Add(Turn(beside, energy));
                times.Add(Turn(variant, energy));
                if (round % 2 == 1) besideTimes.Add(Turn(beside, energy));
            }

            double[] ratios = [.. times.Zip(besideTimes, (own, other) => lacks ? own / other : other / own)];
            double ratio = Statistics.Median(ratios), own = Statistics.Median(times), other = Statistics.Median(besideTimes);
            (long arena, long arenaBeside) = (variant.Program.Program.TotalBytes, beside.Program.Program.TotalBytes);
            table.Add(name, referenceName, Figures.Times(ratio), Figures.Times(ratios.Min()), Figures.Times(ratios.Max()), $"{own * 1e3:F1}", $"{other * 1e3:F1}", Figures.Bytes(arena), Figures.Bytes(arenaBeside));
            report.Raw(new JsonObject
            {
                ["model"] = shape.Preset, ["batch"] = shape.MicroBatch, ["seq"] = shape.SequenceLength, ["threads"] = workload.Device.Threads, ["plan"] = name, ["beside"] = referenceName,
                ["speedup"] = Figures.Raw(ratio), ["lowest"] = Figures.Raw(ratios.Min()), ["highest"] = Figures.Raw(ratios.Max()), ["step_ms"] = Figures.Raw(own * 1e3), ["step_ms_beside"] = Figures.Raw(other * 1e3),
                ["arena_bytes"] = arena, ["arena_bytes_beside"] = arenaBeside,
            });
        }
    }

    static double Turn(BenchmarkSubject subject, IEnergyMeter energy)
    {
        subject.Forget();
        subject.Turn(energy);
        return subject.StepSeconds;
    }
}
