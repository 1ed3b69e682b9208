using System.Diagnostics;
using Litespark.Energy;
using Litespark.Energy.Comparison;
using Litespark.Planning;
using Litespark.Recipes;
using Litespark.Training;

namespace Litespark.Benchmarking;

/// <summary>
/// Measures the baseline and the litespark plan in turns in one process, so that both see the same machine, then each
/// pass's share and every kernel. A step is one micro-batch on random tokens and the update; times are medians.
/// </summary>
public sealed class PlanBenchmark : IDisposable
{
    // Both plans alike: by the second step either of the loader's buffers was filled, and what is used for the first time was used.
    const int WarmUpSteps = 2;

    const double LossTolerance = 1e-4, RoundedLossTolerance = 5e-3;

    readonly LoadedRecipe recipe;
    readonly BenchmarkWorkload workload;
    readonly BenchmarkSettings settings;
    readonly Action<string> status;
    readonly IEnergyMeter energy;
    readonly CancellationToken cancellation;
    readonly DevicePeaks peaks;

    /// <param name="recipe">Model, batch and optimiser; its data is not opened.</param>
    /// <param name="device">Where to run.</param>
    /// <param name="settings">How long.</param>
    /// <param name="status">Told what is being measured.</param>
    /// <param name="cancellation">Stops between steps.</param>
    public PlanBenchmark(LoadedRecipe recipe, IDevice device, BenchmarkSettings settings, Action<string> status, CancellationToken cancellation = default)
        : this(recipe, device, settings, status, EnergyMeters.Open(RecipeSettings.Energy(recipe.Recipe.Energy, device)), cancellation)
    {
    }

    /// <summary>Measures energy by a certain meter, which is disposed with the benchmark.</summary>
    internal PlanBenchmark(LoadedRecipe recipe, IDevice device, BenchmarkSettings settings, Action<string> status, IEnergyMeter energy, CancellationToken cancellation)
    {
        this.recipe = recipe;
        this.settings = settings;
        this.status = status;
        this.cancellation = cancellation;
        workload = BenchmarkWorkload.Of(recipe, device);
        this.energy = energy;
        peaks = new DevicePeaks(device);
    }

    /// <inheritdoc cref="BenchmarkWorkload.BothPlans"/>
    internal MemoryForecast Memory => workload.BothPlans;

    /// <summary>Measures.</summary>
    /// <exception cref="RunFailureException">The plans do not find the same loss: their times would mean nothing.</exception>
    public BenchmarkReport Run()
    {
        // Each plan is alone in the process when its memory is read; what scratch the first one leaves counts against the second.
        status("loading both plans");
        long baselineResident, litesparkResident;
        using (Load(workload.BaselinePlan, WarmUpSteps)) baselineResident = Environment.WorkingSet;
        using BenchmarkSubject litespark = Load(workload.LitesparkPlan, WarmUpSteps);
        litesparkResident = Environment.WorkingSet;
        PlanFigures baselineFigures, litesparkFigures;
        EnergyComparison comparison;
        using (BenchmarkSubject baseline = Load(workload.BaselinePlan, WarmUpSteps))
        {
            if (!Agree(litespark.FirstLoss, baseline.FirstLoss, workload.Device.Profile.Precision))
                throw new RunFailureException($"The plans disagree: the first step's loss is {baseline.FirstLoss} with baseline and {litespark.FirstLoss} with litespark.");
            status("measuring both plans in turns");
            TakeTurns([baseline, litespark], settings.MinRounds, settings.MaxRounds, Stopwatch.StartNew(), settings.Budget);
            comparison = new EnergyComparison(baseline.Energy("baseline", energy.Source), litespark.Energy("litespark", energy.Source));
            // Turns are made for the time; a GPU's counter needs longer ones.
            if (!energy.IsEstimate && settings.EnergyWindows > 0 && (comparison.A.IsImprecise || comparison.B.IsImprecise))
                comparison = PlanEnergy.Compare(baseline, litespark, energy, settings.EnergyWindows, null, status, cancellation);
            baselineFigures = baseline.Figures(peaks, baselineResident);
            litesparkFigures = litespark.Figures(peaks, litesparkResident);
        }

        status("timing every kernel");
        IReadOnlyList<KernelFigures> kernels = KernelProfile.Measure(litespark.Program, settings.MinRounds, litespark.Live, cancellation);
        return new BenchmarkReport
        {
            Machine = workload.Device.HardwareName,
            Threads = workload.Device.Threads,
            PeakFlops = peaks.Flops,
            Model = RecipePlan.ModelName(recipe, workload.Spec),
            Parameters = litespark.Program.Program.Parameters.Count,
            MicroBatch = recipe.Recipe.Training.MicroBatchSize,
            SequenceLength = recipe.Recipe.Training.SequenceLength,
            Energy = comparison,
            Baseline = baselineFigures,
            Litespark = litesparkFigures,
            Passes = [.. MeasurePasses(litespark)],
            Kernels = kernels,
        };
    }

    /// <summary>Whether two plans computed the same: their losses are as close as an element type lets them be.</summary>
    internal static bool Agree(double found, double expected, Graphs.DataType precision)
        => Math.Abs(found - expected) <= (precision == Graphs.DataType.Float32 ? LossTolerance : RoundedLossTolerance) * Math.Abs(expected);

    /// <inheritdoc/>
    public void Dispose() => energy.Dispose();

    BenchmarkSubject Load(PlanOptions plan, int warmUp)
    {
        cancellation.ThrowIfCancellationRequested();
        return workload.Load(plan, warmUp, settings.Turn, cancellation);
    }

    /// <summary>Each pass left out once, in turns with the whole plan.</summary>
    IEnumerable<PassFigures> MeasurePasses(BenchmarkSubject all)
    {
        string[] passes = settings.PassRounds == 0 ? [] : [.. PlanOptions.PassNames.Where(workload.LitesparkPlan.Has)];
        foreach (string pass in passes)
        {
            status($"measuring without {pass}");
            var clock = Stopwatch.StartNew();
            using BenchmarkSubject without = Load(workload.LitesparkPlan.With(pass, false), warmUp: 1);
            all.Forget();
            TakeTurns([without, all], 1, settings.PassRounds, clock, settings.Budget / passes.Length);
            yield return new PassFigures(pass, without.StepSeconds / all.StepSeconds);
        }
    }

    void TakeTurns(BenchmarkSubject[] subjects, int minRounds, int maxRounds, Stopwatch clock, TimeSpan budget)
    {
        for (int round = 0; round < maxRounds && (round < minRounds || clock.Elapsed < budget); round++)
        {
            foreach (BenchmarkSubject subject in subjects)
            {
                peaks.Sample();
                subject.Turn(energy, cancellation);
                peaks.Sample();
            }
        }
    }
}
