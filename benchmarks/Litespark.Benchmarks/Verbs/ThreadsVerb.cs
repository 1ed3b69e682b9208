using System.CommandLine;
using System.Text.Json.Nodes;
using Litespark.Benchmarking;
using Litespark.Benchmarks.Measuring;
using Litespark.Benchmarks.Reporting;
using Litespark.Devices.Cpu;
using Litespark.Energy;
using Litespark.Graphs.Ops;
using Litespark.Planning;

namespace Litespark.Benchmarks.Verbs;

/// <summary><c>threads</c>: how speed grows with threads: whole steps, a product, an attention.</summary>
internal sealed class ThreadsVerb : Verb
{
    readonly Option<string?> threads = new("--threads") { HelpName = "N,…", Description = "Numbers of threads (default: 1, 2, 4 … all)" };
    readonly Option<string> size = Parameters.Size("all");
    readonly Option<int> rounds = Parameters.Rounds(5);

    public ThreadsVerb() : base("threads", "Thread scaling: training steps, matrix products and attention at 1, 2, 4 … threads in turns")
    {
        Add(threads);
        Add(size);
        Add(rounds);
    }

    protected override int Run(ParseResult options, Report report)
    {
        int turns = Parameters.AtLeastOne("--rounds", options.GetValue(rounds));
        int[] counts = options.GetValue(threads) is { } text and not "all" ? Parameters.ParseNumbers("--threads", text) : Parameters.PowersOfTwo(Environment.ProcessorCount);
        var table = new TextTable(1, "work", "threads", "rate", "unit", "speed-up", "efficiency", "of peak");
        foreach (ModelShape shape in ModelShape.Select(options.GetValue(size)!))
        {
            MeasureSteps(shape, counts, turns, table, report);
            MeasureKernels(shape, counts, turns, table, report);
        }

        report.Line("Speed-up and efficiency against the first number of threads; of peak: executed FLOPs against the peak of as many threads.");
        report.Table(table);
        return 0;
    }

    static void MeasureSteps(ModelShape shape, int[] counts, int turns, TextTable table, Report report)
    {
        Status($"{shape.Preset}: training steps at {string.Join(", ", counts)} threads");
        CpuDevice[] devices = [.. counts.Select(count => new CpuDevice(count))];
        var subjects = new List<BenchmarkSubject>();
        using IEnergyMeter energy = EnergyMeters.Open();
        try
        {
            BenchmarkWorkload[] workloads = [.. devices.Select(device => Workloads.Of(shape, device))];
            Workloads.CheckMemory(workloads.Select(workload => (workload, workload.LitesparkPlan)), "Ask for fewer --threads at a time.");
            foreach (BenchmarkWorkload workload in workloads)
            {
                subjects.Add(workload.Load(workload.LitesparkPlan));
                subjects[^1].WarmUp(1, TimeSpan.FromSeconds(0.3));
            }

            var peaks = new double[counts.Length];
            for (int round = 0; round < turns; round++)
            {
                for (int i = 0; i < counts.Length; i++)
                {
                    Quiet.Wait();
                    peaks[i] = Math.Max(peaks[i], devices[i].SamplePeakFlops());
                    subjects[i].Turn(energy);
                    peaks[i] = Math.Max(peaks[i], devices[i].SamplePeakFlops());
                }
            }

            for (int i = 0; i < counts.Length; i++)
            {
                double executed = StepWork.Flops(subjects[i].Program.Program, 1) / subjects[i].StepSeconds;
                Row($"{shape.Preset} step, {shape.MicroBatch} × {shape.SequenceLength}", counts, i, "tokens/s", j => shape.Tokens / subjects[j].StepSeconds, executed / peaks[i], table, report);
            }
        }
        finally
        {
            foreach (BenchmarkSubject subject in subjects) subject.Dispose();
            foreach (CpuDevice device in devices) device.Dispose();
        }
    }

    static void MeasureKernels(ModelShape shape, int[] counts, int turns, TextTable table, Report report)
    {
        (Models.TransformerSpec spec, int tokens) = (shape.Spec, shape.Tokens);
        foreach ((string name, GemmForm form) in GemmRows.Linear(tokens, spec.HiddenSize, 2 * spec.IntermediateSize).Take(3))
        {
            Kernel($"{shape.Preset} gate+up, {name}", pool =>
            {
                (Graphs.Op op, Graphs.TensorType a, Graphs.TensorType b) = form.Bind();
                BoundOp product = BoundOp.Create(pool, op, a, b);
                return (product, product.Run, product.Flops);
            });
        }

        var geometry = new AttentionGeometry(shape.MicroBatch, shape.SequenceLength, spec.NumAttentionHeads, spec.NumKeyValueHeads, spec.HeadDim);
        foreach (bool backward in new[] { false, true })
        {
            Kernel($"{shape.Preset} attention, {(backward ? "backward" : "forward")}", pool =>
            {
                var pair = new AttentionPair(pool, geometry, blas: null);
                return (pair, (backward ? pair.Backward : pair.Forward)[0].Run, backward ? pair.BackwardFlops : pair.ForwardFlops);
            });
        }

        void Kernel(string name, Func<WorkerPool, (IDisposable Owner, Action Run, double Flops)> create)
        {
            Status(name);
            var pools = counts.Select(count => new WorkerPool(count)).ToArray();
            var works = pools.Select(create).ToArray();
            var contests = pools.Select(pool => new Contest(pool, new PeakProbe()) { Rounds = 1 }).ToArray();
            var seconds = counts.Select(_ => new List<double>()).ToArray();
            for (int round = 0; round < turns; round++)
                for (int i = 0; i < counts.Length; i++) seconds[i].Add(contests[i].Measure(new Contender(name, works[i].Run))[0]);
            for (int i = 0; i < counts.Length; i++)
            {
                double Rate(int j) => works[j].Flops / Statistics.Median(seconds[j]);
                Row(name, counts, i, "GFLOP/s", j => Rate(j) / 1e9, Rate(i) / contests[i].Peak, table, report);
            }

            foreach ((IDisposable owner, _, _) in works) owner.Dispose();
            foreach (WorkerPool pool in pools) pool.Dispose();
        }
    }

    static void Row(string name, int[] counts, int index, string unit, Func<int, double> rate, double ofPeak, TextTable table, Report report)
    {
        double speedup = rate(index) / rate(0), efficiency = speedup * counts[0] / counts[index];
        table.Add(name, $"{counts[index]}", $"{rate(index):N1}", unit, Figures.Times(speedup), Figures.Percent(efficiency), Figures.Percent(ofPeak));
        report.Raw(new JsonObject
        {
            ["work"] = name, ["threads"] = counts[index], ["rate"] = Figures.Raw(rate(index)), ["unit"] = unit, ["speedup"] = Figures.Raw(speedup), ["efficiency"] = Figures.Raw(efficiency), ["of_peak"] = Figures.Raw(ofPeak),
        });
    }
}
