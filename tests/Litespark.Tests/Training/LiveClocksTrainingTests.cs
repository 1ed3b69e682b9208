using System.Text.Json;
using Litespark.Cli.Progress;
using Litespark.Energy;
using Litespark.Energy.Clocks;
using Litespark.Planning;
using Litespark.Reporting;
using Litespark.Tests.Cli;
using Litespark.Tests.Energy.Nvml;
using Litespark.Training;

namespace Litespark.Tests.Training;

/// <summary>Whole runs with <c>energy.clocks</c>, on the processor beside a simulated GPU, through NVML's own calls.</summary>
public sealed class LiveClocksTrainingTests : IDisposable
{
    const int Automatic = 1980;

    readonly TinyRun tiny = new();
    readonly StandInNvml nvml = StandInLibrary.CanBuild ? StandInNvml.Create(StandInGpu.H200) : null!;

    public void Dispose()
    {
        nvml?.Dispose();
        tiny.Dispose();
    }

    /// <summary>A step's calls at these clocks of the core, the update's at the last one; changes take what the simulated GPU's do.</summary>
    string Plan(StepProgram program, PlanLevel level, params int?[] core)
    {
        (StepPlan Plan, int Times)[] parts = [.. StepWork.Of(program, 2).Select(part => (part.Plan, part.Times))];
        int calls = parts.Sum(part => part.Plan.Calls.Count * part.Times), last = parts[^1].Plan.Calls.Count;
        ClockRegion[] regions = core.Length == 1
            ? [new ClockRegion(0, calls, new ClockPair(core[0], null), 0)]
            : [new ClockRegion(0, calls - last, new ClockPair(core[0], null), 0), new ClockRegion(calls - last, last, new ClockPair(core[1], null), 0.06)];
        string path = tiny.At("plan.json");
        EnergyJson.Write(path, new ClockPlan
        {
            Hardware = "Simulated H200", Model = "tiny", Calls = calls, Level = level, Objective = PlanObjective.Energy, Tau = 0, Regions = regions,
            Automatic = new StepCost(0.08, 1), Predicted = new StepCost(0.08, 0.9), LowerBound = 0.9, Switching = ClockSwitching.Free, ChangesAhead = false,
            Latency = new ClockSwitching(0.0051, 0.0009, 300, 1),
        });
        return path;
    }

    (TrainingSummary? Summary, SimulatedGpuDevice Device) Train(string run, PlanLevel level, int?[] core, int stopAfter = int.MaxValue, int failsAfter = int.MaxValue)
    {
        using (TrainingSetup probe = tiny.Open()) Plan(probe.Program, level, core);
        using TrainingSetup setup = tiny.Open($"energy.clocks={tiny.At("plan.json")}", "energy.source=nvml", "evaluation.every_steps=0");
        using var device = new SimulatedGpuDevice(DeviceSelection.Open(setup.Recipe.Engine), nvml) { FailsAfter = failsAfter };
        using var stop = new CancellationTokenSource();
        var options = new TrainerOptions { Run = tiny.At(run), StopRequested = stop.Token, NvmlLibrary = nvml.FilePath };
        using var trainer = new Trainer(setup, device, options, new Stopper(stopAfter, stop));
        if (failsAfter == int.MaxValue) return (trainer.Run(), device);
        Assert.Contains("lost", Assert.Throws<InvalidOperationException>(trainer.Run).Message);
        return (null, device);
    }

    void ClocksAreFree()
    {
        nvml.Load(0, 0.5, 0.3);
        nvml.Advance(0.1);
        Assert.Equal(Automatic, nvml.CoreMegahertz(0));
        Assert.Equal(0, nvml.Users);
    }

    [StandInFact]
    public void A_run_trains_at_its_plans_clock_counts_its_gpus_joules_and_gives_the_clocks_back()
    {
        (TrainingSummary? summary, SimulatedGpuDevice device) = Train("run", PlanLevel.Static, [1500]);
        ClocksAreFree();
        Assert.All(device.CoreClocks, clock => Assert.Equal(1500, clock));
        Assert.True(summary!.Clocks is { Changes: 1, Checked: 1, Missed: 0, Late: 0, Problem: null }, $"{summary.Clocks}");
        Assert.Equal("nvml", summary.EnergySource);
        Assert.DoesNotContain("~", Units.Joules(summary.Joules!.Value, summary.EnergySource));
        JsonElement[] rows = [.. TinyRun.Rows(summary.Run)];
        Assert.Equal(12, rows.Length);
        Assert.All(rows, row => Assert.Equal("nvml", row.GetProperty("energy_source").GetString()));
        Assert.All(rows.Zip(rows.Skip(1)), pair => Assert.True(pair.Second.Number("joules") >= pair.First.Number("joules")));
        // The counter steps every 100 ms, at some hundred watts.
        Assert.InRange(rows[^1].Number("joules"), nvml.Joules(0) / 2, nvml.Joules(0));
        Assert.Contains("all 1 that were read back held", summary.Clocks!.ToString());
    }

    [StandInFact]
    public void Clocks_change_within_every_step_of_a_run()
    {
        (TrainingSummary? summary, SimulatedGpuDevice device) = Train("run", PlanLevel.Pass, [null, 1200]);
        ClocksAreFree();
        // To the update's clock and back in each of twelve steps, as far as this machine was on time.
        Assert.True(summary!.Clocks is { Changes: >= 3, Checked: > 0, Problem: null }, $"{summary.Clocks}");
        Assert.Contains(Automatic, device.CoreClocks);
        Assert.Contains(1200, device.CoreClocks);
    }

    [StandInFact]
    public void A_run_that_is_stopped_or_fails_gives_its_clocks_back()
    {
        Assert.Equal(TrainingOutcome.Interrupted, Train("stopped", PlanLevel.Static, [1500], stopAfter: 2).Summary!.Outcome);
        ClocksAreFree();
        Train("failed", PlanLevel.Static, [1500], failsAfter: 7);
        ClocksAreFree();
    }

    sealed class Stopper(int after, CancellationTokenSource stop) : ITrainingObserver
    {
        public void OnStep(in StepMetrics metrics)
        {
            if (metrics.Step == after) stop.Cancel();
        }
    }
}
