using System.Diagnostics;
using System.Text.Json;
using System.Text.RegularExpressions;
using Litespark.Energy;
using Litespark.Energy.Nodes;
using Litespark.Planning;
using Litespark.Reporting;
using Litespark.Tests.Cli;
using Litespark.Tests.Training;
using Litespark.Training;

namespace Litespark.Tests.Energy.Nodes;

/// <summary>The verb, and a run that counts what it serves.</summary>
public sealed class EnergyServeTests : IDisposable
{
    const int Terminate = 15;

    readonly TinyRun tiny = new();

    public void Dispose() => tiny.Dispose();

    [Fact]
    public void A_machine_is_served_until_it_is_told_to_stop()
    {
        using Process process = TinyRun.Start(["energy", "serve", "--port", "0", "--source", "estimate", "--tdp-watts", "500", "--json"]);
        try
        {
            string first = process.StandardError.ReadLine() ?? "";
            Match address = Regex.Match(first, @"^Serving at (127\.0\.0\.1:\d+): estimate, not a measurement: time × ");
            Assert.True(address.Success, first);
            using NodeMeter meter = NodeMeter.Open(address.Groups[1].Value, ScriptedNode.Patience, new ManualClock());
            Assert.True(SpinWait.SpinUntil(() => meter.ReadJoules() > 0, ScriptedNode.Patience));
            Assert.True(meter.IsEstimate);
        }
        finally
        {
            TinyRun.Signal(process, Terminate);
            if (!process.WaitForExit(ScriptedNode.Patience)) process.Kill();
        }

        CommandOutcome outcome = TinyRun.Finish(process);
        Assert.True(outcome.Code == 0, outcome.Error);
        Assert.Contains("Programs of this machine alone can read it", outcome.Error);
        using JsonDocument json = JsonDocument.Parse(outcome.Out);
        Assert.Equal("estimate", json.RootElement.Has("address", "energy_source", "joules", "seconds").GetProperty("energy_source").GetString());
        Assert.True(json.RootElement.Number("joules") > 0);
    }

    [Theory]
    [InlineData("--port 70000", "a port from 0 to 65535")]
    [InlineData("--bind here", "--bind must be an IP address, found 'here'")]
    [InlineData("--bind 203.0.113.1", "Nothing can be served at 203.0.113.1")]
    [InlineData("--source nvml --gpu GPU-nowhere", "cannot be read")]
    public void What_cannot_be_served_is_a_user_error(string arguments, string message)
        => CliRun.Of(["energy", "serve", .. arguments.Split(' ')]).AssertUserError(message);

    [Fact]
    public void A_whole_machine_is_its_gpus_else_its_processors()
    {
        using var sysfs = new FakeSysfs();
        var options = new EnergyMeterOptions { SysfsRoot = sysfs.Root, NvmlLibrary = "/nowhere" };
        using (IEnergyMeter guess = EnergyMeters.OpenMachine(options)) Assert.Equal("estimate", guess.Source);
        sysfs.AddZone("intel-rapl:0", "package-0", 0);
        using (IEnergyMeter processors = EnergyMeters.OpenMachine(options)) Assert.Equal("rapl", processors.Source);
        // Where GPUs are named nothing else stands for them.
        Assert.Contains("/nowhere is not found", Assert.Throws<UserErrorException>(() => EnergyMeters.OpenMachine(options with { Gpus = ["0"] })).Message);
        Assert.Contains("counts processors", Assert.Throws<UserErrorException>(() => EnergyMeters.OpenMachine(options with { Gpus = ["0"], Source = "rapl" })).Message);
        using (IEnergyMeter guess = EnergyMeters.OpenMachine(options with { Gpus = ["0"], Source = "estimate" })) Assert.Equal(CountedParts.Gpus, Assert.Single(guess.Counted));
        Assert.Contains("not known", Assert.Throws<UserErrorException>(() => EnergyMeters.OpenMachine(options with { Source = "moon" })).Message);
    }

    [Fact]
    public void A_run_counts_the_nodes_and_says_where_one_is_lost()
    {
        using var other = new FakeMeter(EnergySources.Rapl);
        var server = new EnergyServer(other, System.Net.IPAddress.Loopback, 0);
        string nodes = $"energy.nodes=[\"{server.EndPoint}\"]";
        using var observer = new Loser(other, server);
        TrainingSummary lost = Train(observer, [nodes, "training.max_steps=1000000", "evaluation.every_steps=0", "checkpoints.every_steps=0"]);
        Assert.True(observer.HasCounted, "the node's joules are counted");
        Assert.Equal(JsonValueKind.Null, TinyRun.Rows(lost.Run)[^1].GetProperty("joules").ValueKind);
        Assert.Null(lost.Joules);
        Assert.Single(observer.Warnings, warning => warning.Contains("energy.nodes", StringComparison.Ordinal));
        // What was lost stays unknown to the run that goes on.
        TrainingSummary resumed = tiny.Train("run", [$"training.max_steps={lost.Steps + 2}"], resume: true);
        Assert.Equal(lost.Steps + 2, resumed.Steps);
        Assert.Null(resumed.Joules);
        // Before an hour of preparing data, not after it.
        CliRun.Of("train", tiny.RecipePath, "--out", tiny.At("no"), "--set", nodes).AssertUserError("cannot be read");
        CliRun.Of("train", tiny.RecipePath, "--out", tiny.At("no"), "--set", "energy.nodes=[\"here:there\"]").AssertUserError("'here:there' is no address");
    }

    TrainingSummary Train(Loser observer, string[] changes)
    {
        using TrainingSetup setup = tiny.Open(changes);
        using IDevice device = DeviceSelection.Open(setup.Recipe.Engine);
        using var trainer = new Trainer(setup, device, new TrainerOptions { Run = tiny.At("run"), StopRequested = observer.Stop }, observer);
        return trainer.Run();
    }

    /// <summary>Adds a gigajoule, loses the node once that was counted, and stops the run once it is missed; step by step, however long each takes.</summary>
    sealed class Loser(FakeMeter meter, EnergyServer server) : ITrainingObserver, IDisposable
    {
        readonly CancellationTokenSource stop = new(ScriptedNode.Patience);

        public CancellationToken Stop => stop.Token;

        public bool HasCounted { get; private set; }

        public List<string> Warnings { get; } = [];

        public void OnStep(in StepMetrics metrics)
        {
            meter.Joules = 1e9;
            if (!HasCounted && metrics.Joules >= 1e9)
            {
                HasCounted = true;
                server.Dispose();
            }

            if (HasCounted && metrics.Joules is null && Warnings.Count > 0) stop.Cancel();
            Thread.Sleep(20);
        }

        public void OnWarning(string message) => Warnings.Add(message);

        public void Dispose() => stop.Dispose();
    }
}
