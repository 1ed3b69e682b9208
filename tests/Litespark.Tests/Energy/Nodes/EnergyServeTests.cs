using System.Diagnostics;
using System.Text.Json;
using System.Text.RegularExpressions;
using Litespark.Energy;
using Litespark.Energy.Nodes;
using Litespark.Reporting;
using Litespark.Tests.Cli;
using Litespark.Tests.Training;

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
        string first = process.StandardError.ReadLine() ?? "";
        Match address = Regex.Match(first, @"^Serving at (127\.0\.0\.1:\d+): estimate, not a measurement: time × ");
        Assert.True(address.Success, first);
        using (NodeMeter meter = NodeMeter.Open(address.Groups[1].Value))
        {
            double before = meter.ReadJoules();
            Assert.True(SpinWait.SpinUntil(() => meter.ReadJoules() > before, TimeSpan.FromSeconds(30)));
            Assert.True(meter.IsEstimate);
        }

        TinyRun.Signal(process, Terminate);
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
        Assert.Contains("not known", Assert.Throws<UserErrorException>(() => EnergyMeters.OpenMachine(options with { Source = "moon" })).Message);
    }

    [Fact]
    public void A_run_counts_the_nodes_and_says_where_one_is_lost()
    {
        using var other = new FakeMeter(EnergySources.Rapl);
        var server = new EnergyServer(other, System.Net.IPAddress.Loopback, 0);
        string[] changes = [$"energy.nodes=[\"{server.EndPoint}\"]", "checkpoints.every_steps=1"];
        var observer = new Loser(other, server);
        TrainingSummary lost = tiny.Train("run", changes, observer: observer);
        JsonElement[] rows = [.. TinyRun.Rows(lost.Run).Where(row => !TinyRun.IsEval(row))];
        Assert.Equal(12, rows.Length);
        Assert.True(rows[1].Number("joules") >= 1e9, "the node's joules are counted");
        Assert.Equal(JsonValueKind.Null, rows[^1].GetProperty("joules").ValueKind);
        Assert.Null(lost.Joules);
        Assert.Single(observer.Warnings, warning => warning.Contains("energy.nodes", StringComparison.Ordinal));
        // What was lost stays unknown to the run that goes on.
        TrainingSummary resumed = tiny.Train("run", ["training.max_steps=14"], resume: true);
        Assert.Equal(14, resumed.Steps);
        Assert.Null(resumed.Joules);
        // Before an hour of preparing data, not after it.
        CliRun.Of("train", tiny.RecipePath, "--out", tiny.At("no"), "--set", changes[0]).AssertUserError("cannot be read");
        CliRun.Of("train", tiny.RecipePath, "--out", tiny.At("no"), "--set", "energy.nodes=[\"here:there\"]").AssertUserError("'here:there' is no address");
    }

    /// <summary>Adds a gigajoule before the second step, and loses the node after it.</summary>
    sealed class Loser(FakeMeter meter, EnergyServer server) : ITrainingObserver
    {
        public List<string> Warnings { get; } = [];

        public void OnCheckpoint(long step, string path)
        {
            if (step == 1) meter.Joules = 1e9;
            if (step == 2) server.Dispose();
            if (step <= 2) Thread.Sleep(NodeMeter.Patience + TimeSpan.FromSeconds(1));
        }

        public void OnWarning(string message) => Warnings.Add(message);
    }
}
