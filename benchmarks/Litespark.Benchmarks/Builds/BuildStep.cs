// What two copies of the harness may hand to each other: types of the runtime alone, since each copy has all others for itself.
global using BuildKernel = (string Name, string Phase, string Operands, int Calls);
global using BuildSurface = (
    (string Name, string Phase, string Operands, int Calls)[] Kernels, double FirstLoss, System.Func<double[]> Profile, System.Action<int> Prepare,
    System.Action Restore, System.Action RunKernel, System.Func<int, double> Steps, System.Action Dispose);

using System.Diagnostics;
using Litespark.Benchmarking;
using Litespark.Benchmarks.Measuring;
using Litespark.Data;
using Litespark.Data.Loading;
using Litespark.Devices.Cpu;
using Litespark.Planning;
using Litespark.Recipes;
using Litespark.Training;

namespace Litespark.Benchmarks.Builds;

/// <summary>
/// A build's training step on random tokens, whole or call by call. Runs in the build's <see cref="BuildContext"/>, so everything
/// that it names must exist in the other build too: it names as little as it can, and all of it when it is opened.
/// </summary>
internal sealed class BuildStep : IDisposable
{
    readonly CpuDevice device;
    readonly DataPipeline data;
    readonly CpuProgram program;
    readonly BatchLoader loader;
    readonly TrainingStep step;
    readonly OptimizerSection optimizer;

    // A step's calls, each as a plan of its own; the kernel that each is, and the first call of each kernel.
    readonly StepPlan[] calls;
    readonly int[] kernelOf, firstCall;
    readonly InPlaceOperands[] inPlace;

    /// <summary>Calls of the step that have been run: the transient arena holds what the next one expects.</summary>
    int position;
    int prepared;
    long steps;

    BuildStep(ModelShape shape, string planName, int threads)
    {
        device = new CpuDevice(threads);
        BenchmarkWorkload workload = Workloads.Of(shape, device);
        optimizer = workload.Recipe.Optimizer;
        StepProgram whole = workload.Build(Workloads.Plan(workload, planName));
        calls = [.. StepWork.Of(whole, 1).SelectMany(part => part.Plan.Calls.Select((call, index) => new StepPlan($"{part.Plan.Name}, call {index}", [call], part.Plan.TransientBytes, 0)))];
        (Kernels, kernelOf, firstCall) = Sort(calls);
        program = (CpuProgram)device.Load(new StepProgram(whole.Layout, whole.Parameters, [.. whole.Plans.Values, .. calls], whole.Constants, whole.Vocabulary));
        inPlace = [.. firstCall.Select(call => new InPlaceOperands(calls[call].Calls[0], program.Transient))];
        TrainingSection training = workload.Recipe.Training;
        ParameterStore.Initialize(program, training.Seed);
        step = new TrainingStep(program, workload.Optimizer);
        data = DataPipeline.Synthetic(workload.Spec.VocabSize, training.Seed, workload.Recipe.Data);
        loader = data.CreateLoader(training.SequenceLength, training.MicroBatchSize, 1);
        FirstLoss = Steps(1);
    }

    /// <summary>The different kernels of a step, in the order of their first calls.</summary>
    public BuildKernel[] Kernels { get; }

    /// <summary>Loss of the first step.</summary>
    public double FirstLoss { get; }

    /// <summary>Loads a build's step.</summary>
    public static BuildSurface Open(string size, int microBatch, int sequenceLength, string plan, int threads)
    {
        var opened = new BuildStep(ModelShape.Of(size, microBatch, sequenceLength), plan, threads);
        return (opened.Kernels, opened.FirstLoss, opened.Profile, opened.Prepare, opened.Restore, opened.RunKernel, opened.Steps, opened.Dispose);
    }

    /// <summary>Runs whole steps; returns the last one's loss.</summary>
    public double Steps(int times)
    {
        double loss = double.NaN;
        for (int i = 0; i < times; i++)
        {
            StepBatch batch = loader.Next();
            loss = step.Run(batch.MicroBatches, batch.TargetCount, ++steps, optimizer.LearningRate, optimizer.MuonLearningRate).Loss;
        }

        position = 0;
        return loss;
    }

    /// <summary>Runs a step on the last batch call by call; returns the seconds of each kernel, all of its calls together.</summary>
    public double[] Profile()
    {
        var seconds = new double[Kernels.Length];
        for (int i = 0; i < calls.Length; i++)
        {
            long start = Stopwatch.GetTimestamp();
            program.Run(calls[i]);
            seconds[kernelOf[i]] += Stopwatch.GetElapsedTime(start).TotalSeconds;
        }

        position = 0;
        return seconds;
    }

    /// <summary>Runs the step's calls up to a kernel's first one: that then finds the operands that it finds in a step.</summary>
    public void Prepare(int kernel)
    {
        if (position == firstCall[prepared]) Restore(); // what was run there again and again is run once, as in a step
        if (position > firstCall[kernel]) position = 0;
        for (; position < firstCall[kernel]; position++) program.Run(calls[position]);
        inPlace[kernel].Save();
        prepared = kernel;
    }

    /// <summary>Gives the prepared kernel back the operands that it overwrote.</summary>
    public void Restore() => inPlace[prepared].Restore();

    /// <summary>Runs the prepared kernel.</summary>
    public void RunKernel() => program.Run(calls[firstCall[prepared]]);

    /// <inheritdoc/>
    public void Dispose()
    {
        loader.Dispose();
        program.Dispose();
        data.Dispose();
        device.Dispose();
    }

    /// <summary>Calls of one op, phase and shapes of operands are one kernel.</summary>
    static (BuildKernel[] Kernels, int[] KernelOf, int[] FirstCall) Sort(StepPlan[] calls)
    {
        var kernels = new List<BuildKernel>();
        var (kernelOf, firstCall) = (new int[calls.Length], new List<int>());
        for (int i = 0; i < calls.Length; i++)
        {
            KernelCall call = calls[i].Calls[0];
            BuildKernel kernel = (call.Op.Name, call.Phase.ToString().ToLowerInvariant(), $"{Shapes(call.Inputs)}{(call.Outputs.Count > 0 ? " → " : "")}{Shapes(call.Outputs)}", 0);
            int known = kernels.FindIndex(other => other with { Calls = 0 } == kernel);
            if (known < 0)
            {
                known = kernels.Count;
                kernels.Add(kernel);
                firstCall.Add(i);
            }

            kernels[known] = kernels[known] with { Calls = kernels[known].Calls + 1 };
            kernelOf[i] = known;
        }

        return ([.. kernels], kernelOf, [.. firstCall]);
    }

    /// <summary>Rows × columns, of a wider row after a slash; neighbours of one shape are counted.</summary>
    static string Shapes(IReadOnlyList<Operand> operands)
    {
        var runs = new List<(string Shape, int Count)>();
        foreach (Operand operand in operands)
        {
            string shape = $"{operand.Rows}×{operand.Columns}{(operand.IsContiguous ? "" : $"/{operand.Stride}")}";
            if (runs.Count > 0 && runs[^1].Shape == shape) runs[^1] = (shape, runs[^1].Count + 1);
            else runs.Add((shape, 1));
        }

        return string.Join(", ", runs.Select(run => run.Count == 1 ? run.Shape : $"{run.Count} of {run.Shape}"));
    }
}
