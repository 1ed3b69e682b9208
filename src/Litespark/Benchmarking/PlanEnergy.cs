using System.Diagnostics;
using Litespark.Energy;
using Litespark.Energy.Comparison;
using Litespark.Planning;
using Litespark.Recipes;
using Litespark.Training;

namespace Litespark.Benchmarking;

/// <summary>Speed and energy of both plans of a recipe, in windows that are long enough for the meter, in turns.</summary>
public static class PlanEnergy
{
    /// <summary>Windows of each plan where nothing else is asked for.</summary>
    public const int DefaultWindows = 5;

    static readonly TimeSpan shortest = TimeSpan.FromSeconds(1);

    /// <summary>Measures.</summary>
    /// <param name="recipe">Model, batch and optimiser; its data is not opened.</param>
    /// <param name="device">Where to run.</param>
    /// <param name="windows">Windows of each plan.</param>
    /// <param name="length">Least length of a window; null for what suits the meter, a second at least.</param>
    /// <param name="status">Told what is being measured.</param>
    /// <param name="cancellation">Stops between steps.</param>
    public static EnergyComparison Compare(LoadedRecipe recipe, IDevice device, int windows, TimeSpan? length, Action<string> status, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(recipe);
        BenchmarkWorkload workload = BenchmarkWorkload.Of(recipe, device);
        if (MemoryGuard.Check(device, recipe.Recipe, workload.BothPlans, "Both plans together need") is { } tight) status("warning: " + tight);
        using IEnergyMeter meter = EnergyMeters.Open(RecipeSettings.Energy(recipe.Recipe.Energy, device));
        status("loading both plans");
        using BenchmarkSubject baseline = Load(workload.BaselinePlan), litespark = Load(workload.LitesparkPlan);
        return Compare(baseline, litespark, meter, windows, length, status, cancellation);

        BenchmarkSubject Load(PlanOptions plan) => workload.Load(plan, 3, TimeSpan.FromSeconds(0.1), cancellation);
    }

    /// <summary>Measures plans that are loaded and warm.</summary>
    internal static EnergyComparison Compare(
        BenchmarkSubject baseline, BenchmarkSubject litespark, IEnergyMeter meter, int windows, TimeSpan? length, Action<string> status, CancellationToken cancellation)
    {
        TimeSpan window = length ?? (meter.ShortestWindow > shortest ? meter.ShortestWindow : shortest);
        List<EnergySample> a = [], b = [];
        for (int i = 0; i < windows; i++)
        {
            status($"window {i + 1} of {windows}: {window.TotalSeconds:0.#} s of each plan");
            a.Add(Measure(baseline, meter, window, cancellation));
            b.Add(Measure(litespark, meter, window, cancellation));
        }

        bool isImprecise = !meter.IsEstimate && window < meter.ShortestWindow;
        return new EnergyComparison(new EnergySeries("baseline", meter.Source, a, isImprecise), new EnergySeries("litespark", meter.Source, b, isImprecise));
    }

    static EnergySample Measure(BenchmarkSubject subject, IEnergyMeter meter, TimeSpan length, CancellationToken cancellation)
    {
        EnergyWindow window = EnergyWindow.Begin(meter);
        var clock = Stopwatch.StartNew();
        long steps = 0;
        do
        {
            steps += subject.RunSteps(cancellation);
        }
        while (clock.Elapsed < length);
        EnergyReading used = window.End();
        return new EnergySample(used.Seconds, steps * subject.Tokens, used.Joules);
    }
}
