using System.Diagnostics;
using Litespark.Data;
using Litespark.Data.Loading;
using Litespark.Energy;
using Litespark.Energy.Comparison;
using Litespark.Planning;
using Litespark.Recipes;
using Litespark.Training;
using Litespark.Training.Sparsity;

namespace Litespark.Benchmarking;

/// <summary>One plan, loaded and fed, with what its turns took so far.</summary>
internal sealed class BenchmarkSubject : IDisposable
{
    const int MostStepsPerTurn = 100;

    readonly BenchmarkWorkload workload;
    readonly DataPipeline data;
    readonly BatchLoader loader;
    readonly ILoadedProgram program;
    readonly TrainingStep step;
    readonly LiveWork? live;
    readonly List<double> seconds = new(1024);
    readonly double[] turn = new double[MostStepsPerTurn];
    long steps, allocated;
    readonly List<EnergySample> turns = new(64);
    bool energyIsImprecise;

    public BenchmarkSubject(BenchmarkWorkload workload, PlanOptions plan)
    {
        this.workload = workload;
        TrainingSection training = workload.Recipe.Training;
        data = DataPipeline.Synthetic(workload.Spec.VocabSize, training.Seed, workload.Recipe.Data);
        program = workload.Device.Load(workload.Build(plan));
        ParameterStore.Initialize(program, training.Seed);
        live = SparseStart.Apply(program, workload.Spec, workload.Recipe, workload.Device.Profile);
        step = new TrainingStep(program, workload.Optimizer);
        loader = data.CreateLoader(training.SequenceLength, training.MicroBatchSize, 1);
    }

    /// <summary>The plan's program in the device's memory.</summary>
    public ILoadedProgram Program => program;

    /// <summary>What of its work is alive; null: all.</summary>
    public LiveWork? Live => live;

    /// <summary>Tokens of a step.</summary>
    public long Tokens => workload.Tokens;

    /// <summary>Loss of the first step: every plan must find the same.</summary>
    public double FirstLoss { get; private set; }

    /// <summary>Median time of a step in seconds.</summary>
    public double StepSeconds => Median(seconds);

    /// <summary>Runs steps that don't count: kernels are compiled, memory is touched. The last one's time tells how many steps make a turn.</summary>
    /// <param name="count">Steps.</param>
    /// <param name="turnLength">Least length of a turn.</param>
    /// <param name="cancellation">Stops between steps.</param>
    public void WarmUp(int count, TimeSpan turnLength, CancellationToken cancellation = default)
    {
        for (int i = 0; i < count; i++)
        {
            cancellation.ThrowIfCancellationRequested();
            long start = Stopwatch.GetTimestamp();
            double loss = Step();
            if (i == 0) FirstLoss = loss;
            StepsPerTurn = (int)Math.Clamp(turnLength / Stopwatch.GetElapsedTime(start), 1, MostStepsPerTurn);
        }
    }

    /// <summary>Steps of a turn; set by <see cref="WarmUp"/>.</summary>
    public int StepsPerTurn { get; private set; } = 1;

    /// <summary>One turn: some steps, timed one by one; energy and allocation over all of them.</summary>
    public void Turn(IEnergyMeter energy, CancellationToken cancellation = default)
    {
        EnergyWindow window = EnergyWindow.Begin(energy);
        long allocatedBefore = GC.GetTotalAllocatedBytes(precise: true);
        for (int i = 0; i < StepsPerTurn; i++)
        {
            cancellation.ThrowIfCancellationRequested();
            long start = Stopwatch.GetTimestamp();
            Step();
            turn[i] = Stopwatch.GetElapsedTime(start).TotalSeconds;
        }

        allocated += GC.GetTotalAllocatedBytes(precise: true) - allocatedBefore;
        EnergyReading used = window.End();
        turns.Add(new EnergySample(used.Seconds, StepsPerTurn * Tokens, used.Joules));
        energyIsImprecise |= used.IsImprecise;
        seconds.AddRange(turn.AsSpan(0, StepsPerTurn));
    }

    /// <summary>Runs a turn's steps and times none; returns how many.</summary>
    public int RunSteps(CancellationToken cancellation)
    {
        for (int i = 0; i < StepsPerTurn; i++)
        {
            cancellation.ThrowIfCancellationRequested();
            Step();
        }

        program.Finish(); // what was started belongs to who measures it
        return StepsPerTurn;
    }

    /// <summary>Starts the figures anew.</summary>
    public void Forget()
    {
        seconds.Clear();
        turns.Clear();
        (allocated, energyIsImprecise) = (0, false);
    }

    /// <summary>Energy of all turns.</summary>
    public EnergySeries Energy(string name, string source) => new(name, source, [.. turns], energyIsImprecise);

    /// <summary>The figures of all turns, without energy.</summary>
    public PlanFigures Figures(DevicePeaks peaks, long residentBytes) => new()
    {
        TokensPerSecond = workload.Tokens / StepSeconds,
        StepMs = StepSeconds * 1e3,
        PeakMemoryBytes = program.Program.TotalBytes,
        ResidentBytes = residentBytes,
        Mfu = peaks.Mfu(workload.ModelFlops, StepSeconds),
        Hfu = peaks.Hfu(StepWork.ByPrecision(program.Program, 1, live), StepSeconds),
        AllocatedBytesPerStep = allocated / seconds.Count,
        Steps = seconds.Count,
    };

    public void Dispose()
    {
        loader.Dispose();
        program.Dispose();
        data.Dispose();
    }

    double Step()
    {
        StepBatch batch = loader.Next();
        OptimizerSection optimizer = workload.Recipe.Optimizer;
        return step.Run(batch.MicroBatches, batch.TargetCount, ++steps, optimizer.LearningRate, optimizer.MuonLearningRate).Loss;
    }

    static double Median(List<double> values)
    {
        double[] sorted = [.. values.Order()];
        int middle = sorted.Length / 2;
        return sorted.Length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
    }
}
