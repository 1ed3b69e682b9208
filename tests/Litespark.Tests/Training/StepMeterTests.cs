using Litespark.Checkpoints;
using Litespark.Devices.Cpu;
using Litespark.Energy;
using Litespark.Tests.Energy.Nodes;
using Litespark.Training;

namespace Litespark.Tests.Training;

/// <summary>What a run knows of its energy.</summary>
public sealed class StepMeterTests : IDisposable
{
    readonly TinyRun tiny = new();

    public void Dispose() => tiny.Dispose();

    [Fact]
    public void Joules_that_are_unknown_at_the_start_come_back()
    {
        using TrainingSetup setup = tiny.Open();
        using var device = new CpuDevice(1);
        using var energy = new FakeMeter(EnergySources.Rapl) { Joules = double.NaN };
        var meter = new StepMeter(device, energy, setup, 1, joulesBefore: 10, flopsBefore: 0);
        Assert.Null(meter.Joules);
        Assert.Null(meter.JoulesUpToNow());
        energy.Joules = 5;
        Assert.Equal(15, meter.Joules);
        Assert.Equal(15, meter.JoulesUpToNow());
        // What is known at the start is not the run's.
        Assert.Equal(10, new StepMeter(device, energy, setup, 1, joulesBefore: 10, flopsBefore: 0).Joules);
    }

    [Fact]
    public void An_estimate_stays_one_whatever_measures_the_rest()
    {
        using TrainingSetup setup = tiny.Open();
        using var device = new CpuDevice(1);
        using var energy = new FakeMeter(EnergySources.Rapl);
        var measured = new StepMeter(device, energy, setup, 1, joulesBefore: 10, flopsBefore: 0);
        var guessed = new StepMeter(device, energy, setup, 1, joulesBefore: 10, flopsBefore: 0, wasEstimate: true);
        Assert.Equal(("rapl", false, "estimate", true), (measured.EnergySource, measured.IsEstimate, guessed.EnergySource, guessed.IsEstimate));
        string run = tiny.Train("run", ["training.max_steps=1", "evaluation.every_steps=0"]).Run, checkpoint = TinyRun.Checkpoints(run)[^1];
        Assert.True(RunState.FromJson(CheckpointStore.ReadState(checkpoint), checkpoint).IsJoulesEstimate);
    }
}
