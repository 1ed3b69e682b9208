using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using Litespark.Benchmarks.Measuring;
using Litespark.Benchmarks.Reporting;

namespace Litespark.Benchmarks.Verbs;

/// <summary><c>peer</c>: PyTorch, our baseline plan and our litespark plan in turns, each in a fresh process.</summary>
internal sealed class PeerVerb : Verb
{
    const string Baseline = "baseline", Litespark = "litespark";

    static readonly string[] DefaultRows = ["15m 8 256", "110m 2 512", "15m 1 4096"];

    readonly Option<string[]> rows = new("--row") { HelpName = "\"SIZE BATCH SEQUENCE\"", Description = $"What to train; may be given several times (default: {string.Join(", ", DefaultRows)})" };
    readonly Option<string?> size = new("--size") { HelpName = "15m|110m", Description = "With --batch and --sequence: one row" };
    readonly Option<int> batch = new("--batch") { Description = "Sequences of a step", DefaultValueFactory = _ => 8 };
    readonly Option<int> sequence = new("--sequence") { Description = "Tokens of a sequence", DefaultValueFactory = _ => 256 };
    readonly Option<int> steps = new("--steps") { Description = "Timed steps of a process", DefaultValueFactory = _ => 6 };
    readonly Option<string> threads = Parameters.Threads();
    readonly Option<int> rounds = Parameters.Rounds(3);
    readonly Option<bool> noPeer = new("--no-peer") { Description = "Leave PyTorch out" };

    public PeerVerb() : base("peer", "Training steps beside PyTorch: tokens/s and peak memory of fresh processes in turns")
    {
        Add(rows);
        Add(size);
        Add(batch);
        Add(sequence);
        Add(steps);
        Add(threads);
        Add(rounds);
        Add(noPeer);
    }

    protected override int Run(ParseResult options, Report report)
    {
        int turns = Parameters.AtLeastOne("--rounds", options.GetValue(rounds)), stepCount = Parameters.AtLeastOne("--steps", options.GetValue(steps));
        IReadOnlyList<ModelShape> shapes = options.GetValue(size) is { } one
            ? [ModelShape.Of(one, Parameters.AtLeastOne("--batch", options.GetValue(batch)), Parameters.AtLeastOne("--sequence", options.GetValue(sequence)))]
            : [.. (options.GetValue(rows) is { Length: > 0 } given ? given : DefaultRows).Select(ParseRow)];
        TorchPeer? peer = options.GetValue(noPeer) ? null : TorchPeer.Find();
        if (peer is not null) OpenBlasKernels.Choose();
        else report.Line(options.GetValue(noPeer) ? "Without PyTorch, as asked." : TorchPeer.Missing);
        foreach (int count in Parameters.ParseThreads(options.GetValue(threads)!))
            foreach (ModelShape shape in shapes) Measure(shape, peer, count, stepCount, turns, report);
        return 0;
    }

    /// <summary>"15m 8 256".</summary>
    /// <exception cref="UserErrorException">It is something else.</exception>
    internal static ModelShape ParseRow(string text)
    {
        string[] parts = text.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        return parts is [var name, var batchText, var lengthText]
            && int.TryParse(batchText, NumberStyles.None, CultureInfo.InvariantCulture, out int sequences) && int.TryParse(lengthText, NumberStyles.None, CultureInfo.InvariantCulture, out int length)
            && sequences > 0 && length > 0
            ? ModelShape.Of(name, sequences, length)
            : throw new UserErrorException($"--row: expected a size, sequences and tokens of a sequence, as in \"15m 8 256\", found \"{text}\".");
    }

    static void Measure(ModelShape shape, TorchPeer? peer, int threads, int steps, int rounds, Report report)
    {
        var peers = new List<PeerFact>();
        var plans = new Dictionary<string, List<PlanFact>> { [Baseline] = [], [Litespark] = [] };
        for (int round = 0; round < rounds; round++)
        {
            Status($"{shape.Preset}, {shape.MicroBatch} × {shape.SequenceLength}, {threads} threads, round {round + 1} of {rounds}");
            if (peer is not null)
            {
                (PeerFact fact, string line) = peer.Run(shape, steps, threads);
                peers.Add(fact);
                AddRaw(report, JsonNode.Parse(line)!.AsObject(), "pytorch", shape, threads, round);
            }

            foreach ((string name, List<PlanFact> facts) in plans)
            {
                string line = ChildProcess.RunHarness("plan", "--size", shape.Name, "--batch", $"{shape.MicroBatch}", "--sequence", $"{shape.SequenceLength}", "--plan", name, "--steps", $"{steps}", "--threads", $"{threads}");
                facts.Add(PlanFact.Parse(line));
                AddRaw(report, JsonNode.Parse(line)!.AsObject(), name, shape, threads, round);
            }
        }

        double peak = plans.Values.SelectMany(facts => facts).Max(fact => fact.PeakFlops);
        double peerSpeed = peers.Count > 0 ? Statistics.Median(peers.Select(fact => fact.TokensPerSecond)) : double.NaN;
        var table = new TextTable(1, "", "tokens/s", "lowest", "highest", "of PyTorch", "of baseline", "MFU", "HFU", "peak resident", "arenas");
        double baselineSpeed = Statistics.Median(plans[Baseline].Select(fact => fact.TokensPerSecond));
        void Row(string name, IReadOnlyList<double> speeds, double executedPerModel, IEnumerable<long> resident, long? arenas)
        {
            double speed = Statistics.Median(speeds), mfu = speed * Workloads.ModelFlops(shape) / peak;
            table.Add(name, $"{speed:N0}", $"{speeds.Min():N0}", $"{speeds.Max():N0}", peers.Count > 0 ? Figures.Times(speed / peerSpeed) : "-", Figures.Times(speed / baselineSpeed), Figures.Percent(mfu),
                executedPerModel > 0 ? Figures.Percent(mfu * executedPerModel) : "-", Figures.Bytes((long)Statistics.Median(resident.Select(bytes => (double)bytes))), arenas is { } bytes ? Figures.Bytes(bytes) : "-");
        }

        if (peers.Count > 0) Row($"PyTorch {peers[0].Torch}", [.. peers.Select(fact => fact.TokensPerSecond)], 0, peers.Select(fact => fact.ResidentBytes), null);
        foreach ((string name, List<PlanFact> facts) in plans)
            Row(name, [.. facts.Select(fact => fact.TokensPerSecond)], facts[0].Hfu / facts[0].Mfu, facts.Select(fact => fact.ResidentBytes), facts[0].ArenaBytes);

        report.Line($"{shape.Preset}, micro-batch {shape.MicroBatch} × {shape.SequenceLength}, {threads} threads, {rounds} rounds of {steps} steps, FMA peak {Figures.Gflops(peak)} GFLOP/s (largest sample)");
        if (peers.Count > 0) report.Line($"  PyTorch's products: {peers[0].Blas} ({peers[0].BlasThreads}, kernels for {peers[0].BlasKernels})");
        if (peers.Any(fact => fact.HasFightingThreads))
        {
            const string Warning = "  WARNING: PyTorch runs on the pthread build of OpenBLAS, whose threads fight with its own: about half its speed. This is not its best configuration; install libopenblas0-openmp and measure again.";
            report.Line(Warning);
            Status(Warning);
        }

        report.Table(table);
        report.Line();
        double litespark = Statistics.Median(plans[Litespark].Select(fact => fact.TokensPerSecond));
        string prefix = $"{shape.Name}_{shape.MicroBatch}x{shape.SequenceLength}_{threads}_threads_";
        report.Summary(prefix + "litespark_of_baseline", Figures.Raw(litespark / baselineSpeed));
        if (peers.Count > 0) report.Summary(prefix + "litespark_of_pytorch", Figures.Raw(litespark / peerSpeed));
    }

    static void AddRaw(Report report, JsonObject row, string who, ModelShape shape, int threads, int round)
    {
        row.Insert(0, "who", who);
        row.Insert(1, "round", round + 1);
        (row["size"], row["batch"], row["seq"], row["threads"]) = (shape.Name, shape.MicroBatch, shape.SequenceLength, threads);
        report.Raw(row);
    }
}
