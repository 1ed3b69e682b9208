using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using Litespark.Benchmarking;
using Litespark.Benchmarks.Builds;
using Litespark.Benchmarks.Measuring;
using Litespark.Benchmarks.Reporting;
using Litespark.Devices.Cpu;
using Litespark.Planning;

namespace Litespark.Benchmarks.Verbs;

/// <summary><c>versus</c>: another build of Litespark beside this one, both in one process at a time, kernel by kernel or step by step.</summary>
internal sealed class VersusVerb : Verb
{
    /// <summary>Kernels below this share of a step are measured only where <c>--only</c> asks for them.</summary>
    const double LeastShare = 0.005;

    /// <summary>Steps that shares are medians of; the most only as far as the time goes.</summary>
    const int LeastProfiled = 3, MostProfiled = 15;

    static readonly TimeSpan ProfileTime = TimeSpan.FromSeconds(3);

    readonly Argument<string> other = new("FOLDER_OR_COMMIT") { Description = "A folder that holds a built Litespark.dll, or a commit, which is built (kept under .cache/benchmarks)" };
    readonly Option<string> size = new("--size") { HelpName = "15m|110m", Description = "Model", DefaultValueFactory = _ => "15m" };
    readonly Option<int?> batch = new("--batch") { Description = "Sequences of a step (default: 8, 110m 2)" };
    readonly Option<int?> sequence = new("--sequence") { Description = "Tokens of a sequence (default: 256, 110m 512)" };
    readonly Option<string> plan = new("--plan") { HelpName = "baseline|litespark", Description = "Which plan", DefaultValueFactory = _ => "litespark" };
    readonly Option<string> threads = Parameters.Threads();
    readonly Option<string?> only = new("--only") { HelpName = "PATTERN", Description = "Kernels whose name, phase or operands contain this; * stands for any characters" };
    readonly Option<bool> whole = new("--step") { Description = "Whole training steps take turns, not kernels" };
    readonly Option<int> seconds = new("--seconds") { Description = "Time for all turns of all processes together", DefaultValueFactory = _ => 60 };
    readonly Option<int> processes = new("--processes") { HelpName = "N", Description = "Processes that have both builds, one after the other; the median counts", DefaultValueFactory = _ => 4 };

    // Of several processes every second one loads this build first.
    readonly Option<bool> ownFirst = new("--own-first") { Hidden = true };

    public VersusVerb() : base("versus", "Another build beside this one: the ratio of every pair of turns, kernel by kernel or whole steps")
    {
        Add(other);
        foreach (Option option in new Option[] { size, batch, sequence, plan, threads, only, whole, seconds, processes, ownFirst }) Add(option);
    }

    protected override int Run(ParseResult options, Report report)
    {
        string name = options.GetValue(size)!, planName = options.GetValue(plan)!;
        ModelShape? known = ModelShape.All.FirstOrDefault(shape => shape.Name == name);
        int sequences = Parameters.AtLeastOne("--batch", options.GetValue(batch) ?? known?.MicroBatch ?? 1), tokens = Parameters.AtLeastOne("--sequence", options.GetValue(sequence) ?? known?.SequenceLength ?? 256);
        var shape = ModelShape.Of(name, sequences, tokens);
        int count = Parameters.ParseThreads(options.GetValue(threads)!)[0];
        int total = Parameters.AtLeastOne("--seconds", options.GetValue(seconds)), times = Parameters.AtLeastOne("--processes", options.GetValue(processes));
        string? pattern = options.GetValue(only);
        if (pattern is not null && options.GetValue(whole)) throw new UserErrorException("--only chooses kernels, and --step measures whole steps: give one of them.");

        CheckMemory(shape, planName);
        Build build = Build.Find(options.GetValue(other)!, Status);
        report.Version("other build", $"{build.Name}, {build.Version}");
        report.Version("this build", Build.Own.Version);
        report.Line($"{shape.Preset}, micro-batch {sequences} × {tokens}, {planName} plan, {count} threads; {build.Name} beside this build, in pairs of turns.");
        if (times > 1)
        {
            List<string> same = ["versus", build.Folder, "--size", name, "--batch", $"{sequences}", "--sequence", $"{tokens}", "--plan", planName, "--threads", $"{count}",
                "--seconds", $"{Math.Max(1, total / times)}", "--processes", "1", "--json"];
            if (pattern is not null) same.Add($"--only={pattern}");
            if (options.GetValue(whole)) same.Add("--step");
            RunProcesses(same, times, report);
            return 0;
        }

        Status("loading both builds");
        Build[] order = options.GetValue(ownFirst) ? [Build.Own, build] : [build, Build.Own];
        using LoadedBuild first = LoadedBuild.Open(order[0], shape, planName, count), second = LoadedBuild.Open(order[1], shape, planName, count);
        (LoadedBuild theirs, LoadedBuild ours) = options.GetValue(ownFirst) ? (second, first) : (first, second);
        WarmUp(theirs, ours);
        var budget = TimeSpan.FromSeconds(total);
        report.Line("A ratio is the other build's time over this one's: above 1 this build is faster. Median of the pairs, and their quartiles.");
        CompareLosses("first", theirs.FirstLoss, ours.FirstLoss, report);
        report.Line();
        if (options.GetValue(whole)) CompareSteps(theirs, ours, budget, report);
        else CompareKernels(theirs, ours, pattern, budget, report);
        return 0;
    }

    static void RunProcesses(List<string> arguments, int times, Report report)
    {
        var reports = new List<JsonNode>();
        for (int process = 0; process < times; process++)
        {
            Status($"process {process + 1} of {times}");
            reports.Add(JsonNode.Parse(ChildProcess.RunHarness(process % 2 == 0 ? arguments : arguments.Append("--own-first")))!);
        }

        report.Line($"A ratio is the other build's time over this one's: above 1 this build is faster. Median of {times} processes, in each of which it is the median of all pairs.");
        var ratios = new ProcessRatios(reports);
        foreach (string which in ratios.Losses)
            report.Line(string.Create(CultureInfo.InvariantCulture, $"Losses of the {which} step: relative difference {ratios.LossDifference(which):0.0e+0}."));
        report.Line();
        ratios.AddTo(report);
    }

    static void CheckMemory(ModelShape shape, string planName)
    {
        using var device = new CpuDevice(1);
        BenchmarkWorkload workload = Workloads.Of(shape, device);
        PlanOptions plan = Workloads.Plan(workload, planName);
        Workloads.CheckMemory([(workload, plan), (workload, plan)], "A smaller --batch or --sequence needs less.");
    }

    /// <summary>As many steps of both, so that losses can be compared to the end.</summary>
    static void WarmUp(LoadedBuild theirs, LoadedBuild ours)
    {
        long start = Stopwatch.GetTimestamp();
        do
        {
            theirs.Steps(1);
            ours.Steps(1);
        }
        while (Stopwatch.GetElapsedTime(start) < 2 * Contest.FirstRuns);
    }

    static void CompareSteps(LoadedBuild theirs, LoadedBuild ours, TimeSpan budget, Report report)
    {
        Status("measuring whole steps");
        (double theirLoss, double ourLoss) = (double.NaN, double.NaN);
        var contest = new PairContest { Budget = budget, WarmUp = TimeSpan.Zero, Block = TimeSpan.FromMilliseconds(30) };
        PairFigures figures = contest.Measure(new PairSide(() => { }, () => theirLoss = theirs.Steps(1)), new PairSide(() => { }, () => ourLoss = ours.Steps(1)));
        var table = new TextTable(1, "step", "ms other", "ms this", "ratio", "quartiles", "pairs");
        table.Add("whole", Milliseconds(figures.First), Milliseconds(figures.Second), Figures.Times(figures.Ratio), Quartiles(figures), $"{figures.Pairs}");
        report.Table(table);
        CompareLosses("last", theirLoss, ourLoss, report);
        report.Raw(Row(figures));
    }

    static void CompareKernels(LoadedBuild theirs, LoadedBuild ours, string? pattern, TimeSpan budget, Report report)
    {
        Status("running steps for each kernel's share");
        var (theirRuns, ourRuns) = (new List<double[]>(), new List<double[]>());
        for (long start = Stopwatch.GetTimestamp(); ourRuns.Count < LeastProfiled || (ourRuns.Count < MostProfiled && Stopwatch.GetElapsedTime(start) < ProfileTime);)
        {
            theirRuns.Add(theirs.Profile());
            ourRuns.Add(ours.Profile());
        }

        double[] theirSeconds = Medians(theirRuns), ourSeconds = Medians(ourRuns);
        double theirStep = theirSeconds.Sum(), ourStep = ourSeconds.Sum();
        (IReadOnlyList<KernelPair> pairs, IReadOnlyList<int> theirsAlone, IReadOnlyList<int> oursAlone) = KernelPair.Match(theirs.Kernels, ours.Kernels, ourSeconds);
        KernelPair[] measured = [.. pairs.Where(pair => pattern is null ? pair.Seconds >= LeastShare * ourStep : KernelPair.Matches(pair.Kernel, pattern))];
        if (measured.Length == 0)
            throw new UserErrorException(pattern is null ? "The builds have no kernel in common; --step compares their steps." : $"--only: no kernel that both builds run contains '{pattern}'; they run {string.Join(", ", pairs.Select(pair => pair.Kernel.Name).Distinct())}.");

        var contest = new PairContest { Budget = budget / measured.Length };
        var table = new TextTable(3, "kernel", "phase", "operands", "calls", "share", "ms other", "ms this", "ratio", "quartiles", "pairs");
        var results = new List<(KernelPair Kernel, PairFigures Figures)>();
        foreach (KernelPair pair in measured)
        {
            BuildKernel kernel = pair.Kernel;
            Status(KernelPair.Text(kernel));
            PairFigures figures = contest.Measure(theirs.Kernel(pair.Other), ours.Kernel(pair.Own));
            results.Add((pair, figures));
            table.Add(kernel.Name, kernel.Phase, kernel.Operands, $"{kernel.Calls}", Figures.Percent(pair.Seconds / ourStep), Milliseconds(figures.First), Milliseconds(figures.Second), Figures.Times(figures.Ratio), Quartiles(figures), $"{figures.Pairs}");
            JsonObject raw = Row(figures);
            (raw["kernel"], raw["phase"], raw["operands"], raw["calls"], raw["share"]) = (kernel.Name, kernel.Phase, kernel.Operands, kernel.Calls, Figures.Raw(pair.Seconds / ourStep));
            report.Raw(raw);
        }

        double together = KernelPair.Together(results), share = results.Sum(item => item.Kernel.Seconds) / ourStep;
        report.Table(table);
        report.Line();
        report.Line($"All of these together, weighted by their time in a step: {Figures.Times(together)} over {Figures.Percent(share)} of this build's step.");
        Alone("the other build", theirs, theirsAlone, theirSeconds, theirStep, report);
        Alone("this build", ours, oursAlone, ourSeconds, ourStep, report);
        report.Summary("ratio", Figures.Raw(together));
        report.Summary("share", Figures.Raw(share));
    }

    static void Alone(string name, LoadedBuild build, IReadOnlyList<int> kernels, double[] seconds, double step, Report report)
    {
        if (kernels.Count == 0) return;
        report.Line($"Not compared, since {name} alone has them ({Figures.Percent(kernels.Sum(kernel => seconds[kernel]) / step)} of its step):");
        foreach (int kernel in kernels)
        {
            report.Line("  " + KernelPair.Text(build.Kernels[kernel]));
            report.Raw(new JsonObject { ["only_in"] = name, ["kernel"] = KernelPair.Text(build.Kernels[kernel]), ["share"] = Figures.Raw(seconds[kernel] / step) });
        }
    }

    static void CompareLosses(string which, double theirs, double ours, Report report)
    {
        double difference = Math.Abs(theirs - ours) / Math.Abs(ours);
        if (!double.IsFinite(difference)) throw new RunFailureException($"The loss of the {which} step is {theirs} in the other build and {ours} in this one: their times would mean nothing.");
        report.Line(string.Create(CultureInfo.InvariantCulture, $"Loss of the {which} step: {theirs:G7} beside {ours:G7}, relative difference {difference:0.0e+0}."));
        report.Summary($"{which}_loss_difference", Figures.Raw(difference));
    }

    static double[] Medians(List<double[]> runs) => [.. Enumerable.Range(0, runs[0].Length).Select(kernel => Statistics.Median(runs.Select(run => run[kernel])))];

    static string Milliseconds(double seconds) => $"{seconds * 1e3:F3}";

    static string Quartiles(PairFigures figures) => $"{figures.Lower:F3} – {figures.Upper:F3}";

    static JsonObject Row(PairFigures figures) => new()
    {
        ["ms_other"] = Figures.Raw(figures.First * 1e3), ["ms_this"] = Figures.Raw(figures.Second * 1e3), ["ratio"] = Figures.Raw(figures.Ratio),
        ["lower_quartile"] = Figures.Raw(figures.Lower), ["upper_quartile"] = Figures.Raw(figures.Upper), ["pairs"] = figures.Pairs,
    };
}
