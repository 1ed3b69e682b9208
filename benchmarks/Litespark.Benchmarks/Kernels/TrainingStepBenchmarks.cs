using BenchmarkDotNet.Attributes;
using Litespark.Benchmarking;
using Litespark.Benchmarks.Measuring;
using Litespark.Data;
using Litespark.Data.Loading;
using Litespark.Devices.Cpu;
using Litespark.Planning;
using Litespark.Recipes;
using Litespark.Training;

namespace Litespark.Benchmarks.Kernels;

/// <summary>A whole step of both plans: the loader's hand-over, forward, backward, clipping, update.</summary>
public class TrainingStepBenchmarks
{
    const int FewestThreads = 2;

    CpuDevice? device;
    DataPipeline? data;
    BatchLoader? loader;
    ILoadedProgram? program;
    TrainingStep step = null!;
    OptimizerSection optimizer = null!;
    long count;

    /// <summary>Which plan.</summary>
    [Params("baseline", "litespark")]
    public string Plan { get; set; } = "litespark";

    /// <summary>The last step's loss.</summary>
    public double Loss { get; private set; }

    /// <summary>Loads it.</summary>
    [GlobalSetup]
    public void Start()
    {
        device = new CpuDevice(Math.Max(FewestThreads, Environment.ProcessorCount));
        BenchmarkWorkload workload = Workloads.Of(KernelBenchmarks.Shape, device);
        (TrainingSection training, optimizer) = (workload.Recipe.Training, workload.Recipe.Optimizer);
        data = DataPipeline.Synthetic(workload.Spec.VocabSize, training.Seed, workload.Recipe.Data);
        loader = data.CreateLoader(training.SequenceLength, training.MicroBatchSize, 1);
        program = device.Load(workload.Build(Workloads.Plan(workload, Plan)));
        ParameterStore.Initialize(program, training.Seed);
        step = new TrainingStep(program, workload.Optimizer);
    }

    /// <summary>Frees it.</summary>
    [GlobalCleanup]
    public void End()
    {
        loader?.Dispose();
        program?.Dispose();
        data?.Dispose();
        device?.Dispose();
    }

    [Benchmark]
    public void Step()
    {
        StepBatch batch = loader!.Next();
        Loss = step.Run(batch.MicroBatches, batch.TargetCount, ++count, optimizer.LearningRate, optimizer.MuonLearningRate).Loss;
    }
}
