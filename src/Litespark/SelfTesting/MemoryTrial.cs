using System.Diagnostics;
using System.Runtime.InteropServices;
using Litespark.Checkpoints;
using Litespark.Graphs;
using Litespark.Graphs.Ops;
using Litespark.Planning;

namespace Litespark.SelfTesting;

/// <summary>A form of its kernels for an op, and the median seconds of one call.</summary>
internal readonly record struct MemoryTime(string Form, double Seconds);

/// <summary>
/// One memory-bound call of a step at its size, alone, in each form that a device has for it, in turns. Each form has several copies of the call
/// on memory of their own, so that no cache holds what the next one reads.
/// </summary>
internal sealed class MemoryTrial
{
    const string PlanName = "trial";

    /// <summary>Some caches' worth, and not more than a GPU has room for in every form.</summary>
    const double ColdBytes = 512 << 20;

    /// <summary>Elements of a vector at most: longer ones (all of a model's weights) take longer and are no slower.</summary>
    const int LongestVector = 64 << 20;

    /// <summary>Copies at most; with few, caches hold some of what is read: enough where a device is emulated and its times mean nothing.</summary>
    public const int MostCopies = 64, FewCopies = 2;

    const int Rounds = 5, MostRuns = 64, Pattern = 1 << 20;
    const double SampleSeconds = 0.01;

    readonly IDevice device;
    readonly KernelCall call;
    readonly int copies;

    /// <summary>A call of a plan of the device.</summary>
    public MemoryTrial(IDevice device, KernelCall call, int mostCopies = MostCopies)
    {
        (this.device, this.call) = (device, call);
        double bytes = Build(1).Plans[PlanName].Calls.Sum(one => one.Cost.Bytes);
        copies = Math.Clamp((int)Math.Ceiling(ColdBytes / bytes), 1, mostCopies);
        Program = Build(copies);
        Bytes = Program.Plans[PlanName].Calls.Sum(one => one.Cost.Bytes) / copies;
    }

    /// <summary>What is loaded once for each form.</summary>
    public StepProgram Program { get; }

    /// <summary>Forms of the kernels.</summary>
    public IReadOnlyList<string> Forms => device is ITunable tunable ? tunable.FormsOf(call.Op) : [""];

    /// <summary>Counted bytes of one call.</summary>
    public double Bytes { get; }

    /// <summary>Whether memory's rate holds an op, rather than arithmetic: everything but products.</summary>
    public static bool IsMemoryBound(Op op) => op is not (MatMul or HeadProduct or Attention or AttentionGradient or CachedAttention or BlockSparseOp);

    /// <summary>Op, phase, and the shapes of its operands and results: what one timing stands for.</summary>
    public static string FormOf(KernelCall call) => $"{string.Join(", ", call.Inputs.Select(Text))} -> {string.Join(", ", call.Outputs.Select(Text))}";

    /// <summary>Times each form.</summary>
    public IReadOnlyList<MemoryTime> Run(CancellationToken cancellation)
    {
        IReadOnlyList<string> forms = Forms;
        var loaded = new List<ILoadedProgram>();
        try
        {
            foreach (string form in forms) loaded.Add(device is ITunable tunable ? tunable.Load(Program, call.Op, form) : device.Load(Program));
            foreach (ILoadedProgram program in loaded) Fill(program);
            double[] seconds = Time(loaded, cancellation);
            return [.. forms.Select((form, i) => new MemoryTime(form, seconds[i] / copies))];
        }
        finally
        {
            foreach (ILoadedProgram program in loaded) program.Dispose();
        }
    }

    /// <summary>A view of a wider matrix keeps its stride.</summary>
    StepProgram Build(int count)
    {
        var builder = new GraphBuilder();
        for (int copy = 0; copy < count; copy++)
        {
            Value[] operands = [.. call.Inputs.Select((operand, i) => Source(builder, operand, call.Node.Inputs[i], $"operand {i} of {copy}"))];
            IReadOnlyList<Value> outputs = builder.Apply(call.Op, operands);
            for (int i = 0; i < outputs.Count; i++) builder.Graph.AddOutput($"output {i} of {copy}", outputs[i]);
        }

        return ProgramBuilder.Single(PlanName, builder.Graph, device.Profile);
    }

    static Value Source(GraphBuilder builder, Operand operand, Value value, string name)
    {
        (Shape shape, DataType type) = (value.Type.Shape, value.Type.DataType);
        if (type == DataType.Int32) return builder.Input(name, shape, type);
        if (shape.Rank == 1) return builder.State(name, new Shape((int)Math.Min(shape.Length, LongestVector)), type);
        return operand.IsContiguous || shape.Rank != 2 ? builder.State(name, shape, type) : builder.Slice(builder.State(name, new Shape(operand.Rows, operand.Stride), type), 1, 0, operand.Columns);
    }

    /// <summary>Random numbers, and integers that point into what they index.</summary>
    void Fill(ILoadedProgram program)
    {
        var values = new float[Pattern];
        RandomNumbers.Normal(values, 1);
        var bytes = new byte[2 * Pattern];
        TensorConversion.ToBFloat16(values, bytes);
        ushort[] rounded = MemoryMarshal.Cast<byte, ushort>(bytes.AsSpan()).ToArray();
        for (int copy = 0; copy < copies; copy++)
            for (int i = 0; i < call.Inputs.Count; i++)
            {
                PersistentTensor tensor = program.Program.Layout[$"operand {i} of {copy}"];
                switch (tensor.Type.DataType)
                {
                    case DataType.Int32:
                        program.Write<int>(tensor, 0, Indices((int)tensor.Type.Shape.Length));
                        break;
                    case DataType.Float32:
                        Repeat(program, tensor, values);
                        break;
                    default:
                        Repeat(program, tensor, rounded);
                        break;
                }
            }

        program.Finish();
    }

    static void Repeat<T>(ILoadedProgram program, PersistentTensor tensor, T[] pattern) where T : unmanaged
    {
        for (long first = 0; first < tensor.Type.Shape.Length; first += Pattern) program.Write<T>(tensor, first, pattern.AsSpan(0, (int)Math.Min(Pattern, tensor.Type.Shape.Length - first)));
    }

    /// <summary>Positions of one sequence after another; rows of a table and targets all over it; document starts of whole sequences.</summary>
    int[] Indices(int count) => call.Op switch
    {
        Rope => [.. Enumerable.Range(0, count).Select(i => i % call.Inputs[2].Rows)],
        Embedding => Scattered(count, call.Inputs[1].Rows),
        EmbeddingGradient op => Scattered(count, op.TableRows),
        CrossEntropy or CrossEntropyGradient or CrossEntropyWithGradient => Scattered(count, call.Inputs[0].Columns),
        _ => new int[count],
    };

    static int[] Scattered(int count, int limit)
    {
        var random = new Random(1);
        return [.. Enumerable.Range(0, count).Select(_ => random.Next(limit))];
    }

    /// <summary>Median seconds of one run of each, in turns.</summary>
    static double[] Time(List<ILoadedProgram> programs, CancellationToken cancellation)
    {
        var times = new int[programs.Count];
        for (int i = 0; i < times.Length; i++)
        {
            _ = Seconds(programs[i], 2); // call by call, then recorded
            times[i] = Math.Clamp((int)(SampleSeconds / Seconds(programs[i], 1)), 1, MostRuns);
        }

        double[][] samples = [.. programs.Select(_ => new double[Rounds])];
        for (int round = 0; round < Rounds; round++)
            for (int i = 0; i < times.Length; i++)
            {
                cancellation.ThrowIfCancellationRequested();
                samples[i][round] = Seconds(programs[i], times[i]) / times[i];
            }

        return [.. samples.Select(rounds => rounds.Order().ElementAt(Rounds / 2))];
    }

    static double Seconds(ILoadedProgram program, int times)
    {
        StepPlan plan = program.Program.Plans[PlanName];
        long start = Stopwatch.GetTimestamp();
        for (int i = 0; i < times; i++) program.Run(plan);
        program.Finish();
        return Stopwatch.GetElapsedTime(start).TotalSeconds;
    }

    static string Text(Operand operand)
        => $"{operand.Value.Type.DataType} {operand.Rows} x {operand.Columns}{(operand.IsContiguous ? "" : $" of {operand.Stride}")}";
}
