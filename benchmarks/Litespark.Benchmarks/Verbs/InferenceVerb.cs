using System.CommandLine;
using System.Diagnostics;
using System.Text.Json.Nodes;
using Litespark.Benchmarks.Measuring;
using Litespark.Benchmarks.Reporting;
using Litespark.Devices.Cpu;
using Litespark.Inference;
using Litespark.Models;

namespace Litespark.Benchmarks.Verbs;

/// <summary><c>inference</c>: reading a prompt beside the FMA peak, writing tokens beside the bandwidth.</summary>
internal sealed class InferenceVerb : Verb
{
    /// <summary>Tokens of one turn of decoding.</summary>
    const int TurnTokens = 8;

    /// <summary>Tokens before the first turn, so that the runtime has compiled what decoding runs.</summary>
    const int WarmUpTokens = 64;

    readonly Option<string> size = Parameters.Size("all");
    readonly Option<string> threads = Parameters.Threads();
    readonly Option<string> prompts = new("--prompts") { HelpName = "T,…", Description = "Lengths of prompts", DefaultValueFactory = _ => "128,512,2048" };
    readonly Option<string> contexts = new("--contexts") { HelpName = "T,…", Description = "Tokens in the cache when decoding begins", DefaultValueFactory = _ => "1,512,2048" };
    readonly Option<int> rounds = Parameters.Rounds(5);

    public InferenceVerb() : base("inference", "Prefill in GFLOP/s beside the FMA peak, decoding in GB/s beside a read of as many bytes; random weights")
    {
        Add(size);
        Add(threads);
        Add(prompts);
        Add(contexts);
        Add(rounds);
    }

    protected override int Run(ParseResult options, Report report)
    {
        int turns = Parameters.AtLeastOne("--rounds", options.GetValue(rounds));
        int[] promptList = Parameters.ParseNumbers("--prompts", options.GetValue(prompts)!), contextList = Parameters.ParseNumbers("--contexts", options.GetValue(contexts)!);
        foreach (int count in Parameters.ParseThreads(options.GetValue(threads)!))
        {
            foreach (ModelShape shape in ModelShape.Select(options.GetValue(size)!))
            {
                int capacity = Math.Max(promptList.Max(), contextList.Max() + turns * TurnTokens + TurnTokens);
                TransformerSpec spec = shape.Spec with { MaxPositionEmbeddings = Math.Max(capacity, shape.Spec.MaxPositionEmbeddings) };
                using var device = new CpuDevice(count);
                using var pool = new WorkerPool(count);
                using var model = new CachedModel(device, Transformer.Function(spec), capacity);
                FillWeights(model);
                report.Line($"{shape.Preset}, {count} threads");
                Prefill(shape, device, model, spec, promptList, turns, report);
                Decode(shape, pool, model, spec, contextList, turns, report);
                report.Line();
            }
        }

        return 0;
    }

    static void Prefill(ModelShape shape, CpuDevice device, CachedModel model, TransformerSpec spec, int[] prompts, int turns, Report report)
    {
        var table = new TextTable(1, "prompt", "tokens/s", "ms", "GFLOP/s", "of peak");
        foreach (int length in prompts)
        {
            Status($"{shape.Preset}: prompt of {length}");
            int[] tokens = RandomTokens(length, spec.VocabSize);
            var times = new List<double>();
            double peak = device.SamplePeakFlops();
            void Read()
            {
                model.Clear();
                model.Append(tokens);
            }

            Contest.RunFor(Read, 2 * Contest.FirstRuns);
            for (int round = 0; round < turns; round++)
            {
                long start = Stopwatch.GetTimestamp();
                Read();
                times.Add(Stopwatch.GetElapsedTime(start).TotalSeconds);
                peak = Math.Max(peak, device.SamplePeakFlops());
            }

            double seconds = Statistics.Median(times), rate = InferenceCost.PrefillFlops(spec, length) / seconds;
            table.Add($"{length}", $"{length / seconds:N0}", $"{seconds * 1e3:F1}", Figures.Gflops(rate), Figures.Percent(rate / peak));
            report.Raw(new JsonObject
            {
                ["model"] = shape.Preset, ["threads"] = device.Threads, ["prompt"] = length, ["ms"] = Figures.Raw(seconds * 1e3), ["tokens_per_second"] = Figures.Raw(length / seconds),
                ["gflops"] = Figures.Raw(rate / 1e9), ["peak_gflops"] = Figures.Raw(peak / 1e9),
            });
        }

        report.Table(table);
        report.Line();
    }

    static void Decode(ModelShape shape, WorkerPool pool, CachedModel model, TransformerSpec spec, int[] contexts, int turns, Report report)
    {
        var table = new TextTable(1, "context", "tokens/s", "ms/token", "MB/token", "GB/s", "read GB/s", "of read");
        foreach (int context in contexts)
        {
            Status($"{shape.Preset}: decoding behind {context}");
            int[] next = RandomTokens(TurnTokens, spec.VocabSize);
            model.Clear();
            for (int i = 0; i < WarmUpTokens && model.Length < model.Capacity; i++) model.Append(next.AsSpan(0, 1));
            model.Clear();
            model.Append(RandomTokens(context, spec.VocabSize));
            double meanContext = context + (1 + turns) * TurnTokens / 2.0, bytes = InferenceCost.DecodeBytes(spec, meanContext);
            using var sweep = new ReadSweep(pool, bytes);
            sweep.Run();
            var (times, sweeps) = (new List<double>(), new List<double>());
            for (int round = -1; round < turns; round++)
            {
                Quiet.Wait();
                double token = SecondsOf(TurnTokens, i => model.Append(next.AsSpan(i, 1)));
                Quiet.Wait();
                double read = SecondsOf(TurnTokens, _ => sweep.Run());
                if (round < 0) continue; // the first one warms up
                times.Add(token);
                sweeps.Add(read);
            }

            double seconds = Statistics.Median(times), rate = bytes / seconds, roof = sweep.Bytes / Statistics.Median(sweeps);
            table.Add($"{context}", $"{1 / seconds:N1}", $"{seconds * 1e3:F2}", $"{bytes / 1e6:F1}", Figures.Gigabytes(rate), Figures.Gigabytes(roof), Figures.Percent(rate / roof));
            report.Raw(new JsonObject
            {
                ["model"] = shape.Preset, ["threads"] = pool.ThreadCount, ["context"] = context, ["ms_per_token"] = Figures.Raw(seconds * 1e3), ["tokens_per_second"] = Figures.Raw(1 / seconds),
                ["bytes_per_token"] = bytes, ["gb_per_s"] = Figures.Raw(rate / 1e9), ["read_gb_per_s"] = Figures.Raw(roof / 1e9),
            });
        }

        report.Table(table);
    }

    /// <summary>The mean of some runs; a wake-up of sleeping workers, which comes once in a text, is left to the first one and not counted.</summary>
    static double SecondsOf(int runs, Action<int> run)
    {
        run(0);
        long start = Stopwatch.GetTimestamp();
        for (int i = 1; i < runs; i++) run(i);
        return Stopwatch.GetElapsedTime(start).TotalSeconds / (runs - 1);
    }

    static unsafe void FillWeights(CachedModel model)
    {
        var random = new Random(1);
        foreach (Planning.TensorInfo tensor in model.Weights.Tensors)
        {
            var values = new float[tensor.Length];
            fixed (float* p = values) RandomNumbers.Fill(random, p, values.Length);
            for (int i = 0; i < values.Length; i++) values[i] *= 0.05f;
            model.Weights.Write(tensor.Name, values);
        }
    }

    static int[] RandomTokens(int count, int vocabulary)
    {
        var random = new Random(count);
        return [.. Enumerable.Range(0, count).Select(_ => random.Next(vocabulary))];
    }
}
