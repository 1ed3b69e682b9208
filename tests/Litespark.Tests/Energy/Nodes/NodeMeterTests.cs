using System.Net;
using Litespark.Energy;
using Litespark.Energy.Nodes;

namespace Litespark.Tests.Energy.Nodes;

/// <summary>Other machines' joules, by servers in this process.</summary>
public sealed class NodeMeterTests
{
    static readonly TimeSpan patience = ScriptedNode.Patience;

    /// <summary>Silence is by this clock alone, so that a busy machine makes none.</summary>
    readonly ManualClock clock = new();

    static EnergyServer Serve(IEnergyMeter meter) => new(meter, IPAddress.Loopback, 0);

    static void Until(Func<bool> condition) => Assert.True(SpinWait.SpinUntil(condition, patience));

    static void Reaches(IEnergyMeter meter, double joules)
    {
        bool IsThere() => Math.Abs(meter.ReadJoules() - joules) < 1e-9;
        Until(IsThere);
    }

    [Fact]
    public void Machines_are_summed_from_when_the_meter_was_opened()
    {
        using var sysfs = new FakeSysfs();
        sysfs.AddZone("intel-rapl:0", "package-0", 1_000_000);
        using FakeMeter b = new(EnergySources.Rapl) { Joules = 500 }, c = new(EnergySources.Rapl) { Joules = 7 };
        using EnergyServer serverB = Serve(b), serverC = Serve(c);
        b.Joules = 520; // before the run: not the run's
        using IEnergyMeter sum = EnergyMeters.Open(new EnergyMeterOptions { SysfsRoot = sysfs.Root, Nodes = [$"{serverB.EndPoint}", $"{serverC.EndPoint}"], Time = clock, NodePatience = patience });
        Assert.Equal(("rapl", false), (sum.Source, sum.IsEstimate));
        Assert.Equal(0, sum.ReadJoules(), 9);
        b.Joules += 30;
        c.Joules += 400;
        sysfs.SetZone("intel-rapl:0", 3_000_000);
        Reaches(sum, 432);
        Assert.Null(sum.TakeWarning());
        Assert.Contains("made up (rapl)", sum.Explanation);
        Assert.Contains($"{serverC.EndPoint}", sum.Explanation);
        Assert.Equal(TimeSpan.FromSeconds(5), sum.ShortestWindow);
        EnergyWindow window = EnergyWindow.Begin(sum, clock);
        Assert.True(window.End().IsImprecise);
        Assert.False(b.IsDisposed);
    }

    [Theory]
    [InlineData("nvml", "rapl", "nvml+rapl", false)]
    [InlineData("rapl", "nvml", "nvml+rapl", false)]
    [InlineData("nvml", "nvml", "nvml", false)]
    [InlineData("nvml", "estimate", "estimate", true)]
    [InlineData("estimate", "estimate", "estimate", true)]
    public void A_sum_is_an_estimate_where_a_part_of_it_is(string here, string there, string source, bool isEstimate)
    {
        using var other = new FakeMeter(there);
        using EnergyServer server = Serve(other);
        using var sum = new SummedMeter(new FakeMeter(here), NodeMeter.Open($"{server.EndPoint}", patience, clock));
        Assert.Equal((source, isEstimate), (sum.Source, sum.IsEstimate));
        Assert.Equal(isEstimate ? "~" : "", Litespark.Cli.Progress.Units.Tilde(sum.Source));
    }

    [Fact]
    public void A_node_that_is_lost_makes_the_joules_unknown_and_warns_once()
    {
        using FakeMeter here = new(EnergySources.Rapl), other = new(EnergySources.Rapl);
        EnergyServer server = Serve(other);
        using var sum = new SummedMeter(here, NodeMeter.Open($"{server.EndPoint}", patience, clock));
        other.Joules = 3;
        Reaches(sum, 3);
        string address = $"{server.EndPoint}";
        server.Dispose();
        // What was on its way is heard first.
        bool IsLost()
        {
            clock.Advance(NodeMeter.Patience.TotalSeconds * 2);
            return double.IsNaN(sum.ReadJoules());
        }

        Until(IsLost);
        Assert.Contains(address, sum.TakeWarning());
        Assert.Null(sum.TakeWarning());
        here.Joules = 100;
        Assert.True(double.IsNaN(sum.ReadJoules()));
    }

    [Fact]
    public void A_node_that_answers_again_has_counted_on()
    {
        using var node = new ScriptedNode();
        var id = Guid.NewGuid();
        using NodeMeter meter = node.Open(id, 1000, 50, clock);
        Assert.Equal(0, meter.ReadJoules());
        node.HangUp();
        clock.Advance(NodeMeter.Fresh.TotalSeconds);
        Assert.Equal(0, meter.ReadJoules());
        clock.Advance(0.1);
        Assert.True(double.IsNaN(meter.ReadJoules()));
        Assert.Null(meter.TakeWarning()); // a hiccup
        clock.Advance(NodeMeter.Patience.TotalSeconds);
        Assert.Contains("does not answer", meter.TakeWarning());
        Assert.Null(meter.TakeWarning());
        node.Accept(id, 1700, 60);
        Reaches(meter, 700);
        Assert.Equal(("rapl", false), (meter.Source, meter.IsEstimate));
    }

    [Fact]
    public void A_node_that_counts_anew_is_an_estimate_from_then_on_and_never_falls()
    {
        using var node = new ScriptedNode();
        using NodeMeter meter = node.Open(Guid.NewGuid(), 1000, 50, clock);
        clock.Advance(6);
        node.Send(1600, 56);
        Reaches(meter, 600);
        node.HangUp();
        clock.Advance(10);
        // Of ten seconds it has counted the last four; the six before them are filled by the mean power, 100 W.
        node.Accept(Guid.NewGuid(), 40, 4);
        Reaches(meter, 1240);
        Assert.Equal(("estimate", true), (meter.Source, meter.IsEstimate));
        Assert.Contains("count anew", meter.TakeWarning());
        Assert.Null(meter.TakeWarning());
        node.Send(55, 5);
        Reaches(meter, 1255);
        node.HangUp();
        clock.Advance(5);
        // A server that has counted for longer than the node was not heard: five of a hundred seconds are the run's.
        node.Accept(Guid.NewGuid(), 3000, 100);
        Reaches(meter, 1405);
        Assert.NotNull(meter.TakeWarning());
    }

    [Fact]
    public void A_counter_that_falls_has_been_reset()
    {
        using var node = new ScriptedNode();
        using NodeMeter meter = node.Open(Guid.NewGuid(), 1000, 50, clock);
        node.Send(1100, 51);
        node.Send(20, 52);
        node.Send(30, 53);
        Reaches(meter, 130);
    }

    [Fact]
    public void A_figure_up_to_now_waits_for_the_next_reading()
    {
        using var node = new ScriptedNode();
        using NodeMeter meter = node.Open(Guid.NewGuid(), 1000, 50, clock);
        clock.Advance(0.2);
        Assert.Equal(0, meter.ReadJoules());
        double joules = ScriptedNode.While(() => node.Send(1020, 51), () => meter.ReadJoulesUpToNow(patience));
        Assert.Equal(20, joules);
        clock.Advance(1);
        Assert.True(double.IsNaN(meter.ReadJoulesUpToNow(TimeSpan.FromMilliseconds(20))));
    }

    [Fact]
    public void Reading_waits_for_nobody_and_allocates_nothing()
    {
        using var node = new ScriptedNode();
        using var sum = new SummedMeter(new FakeMeter(EnergySources.Rapl), node.Open(Guid.NewGuid(), 1000, 50, clock));
        Assert.Equal(0, sum.ReadJoules()); // the node says nothing more
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 1000; i++)
        {
            sum.ReadJoules();
            _ = sum.Source;
            sum.TakeWarning();
        }

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    [Theory]
    [InlineData("SSH-2.0-OpenSSH_9.6\r\n", "no 'litespark energy serve'")]
    [InlineData("{\"joules\":1,\"seconds\":1}\n", "no 'litespark energy serve'")]
    [InlineData("{\"litespark_energy\":1}\n", "version 1")]
    [InlineData("{\"litespark_energy\":2,\"id\":\"6f9619ff-8b86-d011-b42d-00c04fc964ff\",\"source\":\"moon\",\"shortest_window_seconds\":0,\"counted\":[],\"explanation\":\"\"}\n", "source of energy is not known")]
    [InlineData("{\"litespark_energy\":2,\"id\":\"6f9619ff-8b86-d011-b42d-00c04fc964ff\",\"source\":\"rapl\",\"shortest_window_seconds\":0,\"counted\":[],\"explanation\":\"\"}\n{\"joules\":-1,\"seconds\":1}\n", "no 'litespark energy serve'")]
    public void Whatever_else_answers_is_a_user_error(string answer, string message)
    {
        using var node = new ScriptedNode();
        string error = ScriptedNode.While(() => node.Answer(answer), () => Assert.Throws<UserErrorException>(() => NodeMeter.Open(node.Address, patience)).Message);
        Assert.Contains(message, error);
        Assert.Contains("energy serve --bind", error);
    }

    [Fact]
    public void Nobody_there_and_the_same_meter_twice_are_user_errors()
    {
        using var other = new FakeMeter(EnergySources.Rapl);
        EnergyServer server = Serve(other);
        int port = server.EndPoint.Port;
        var options = new EnergyMeterOptions { SysfsRoot = "/nowhere", Nodes = [$"127.0.0.1:{port}", $"localhost:{port}"], NodePatience = patience };
        Assert.Contains("counted twice", Assert.Throws<UserErrorException>(() => EnergyMeters.Open(options)).Message);
        Assert.Contains("Nothing can be served at", Assert.Throws<UserErrorException>(() => new EnergyServer(other, IPAddress.Loopback, port)).Message);
        server.Dispose();
        Assert.Contains("cannot be read", Assert.Throws<UserErrorException>(() => NodeMeter.Open($"127.0.0.1:{port}")).Message);
        Assert.Contains("is no address", Assert.Throws<UserErrorException>(() => NodeMeter.Open("here:there")).Message);
    }

    [Fact]
    public void What_is_counted_already_is_not_counted_again()
    {
        using FakeMeter gpus = new(EnergySources.Nvml) { Counted = [.. CountedParts.Gpu("GPU-a"), .. CountedParts.Gpu("GPU-b")] }, one = new(EnergySources.Nvml) { Counted = CountedParts.Gpu("GPU-b") };
        using IEnergyMeter processors = EnergyMeters.OpenMachine(new EnergyMeterOptions { SysfsRoot = "/nowhere", Source = "estimate" });
        using EnergyServer a = Serve(gpus), b = Serve(one), c = Serve(processors);
        var options = new EnergyMeterOptions { SysfsRoot = "/nowhere", NodePatience = patience };
        string Refusal(params string[] nodes) => Assert.Throws<UserErrorException>(() => EnergyMeters.Open(options with { Nodes = nodes })).Message;
        Assert.Contains($"{a.EndPoint} and {b.EndPoint} both count GPU-b,", Refusal($"{a.EndPoint}", $"{b.EndPoint}"));
        Assert.Contains($"{c.EndPoint} and this run's own meter both count {CountedParts.Processors}", Refusal($"{c.EndPoint}"));
        // This machine's GPUs are not its processors.
        using IEnergyMeter both = EnergyMeters.Open(options with { Nodes = [$"{a.EndPoint}"] });
        Assert.Equal<string>([CountedParts.Processors, .. gpus.Counted], both.Counted);
    }

    [Theory]
    [InlineData("machine/gpus", "machine/gpus/GPU-a", "machine/gpus/GPU-a")]
    [InlineData("machine/gpus/GPU-a", "machine/gpus", "machine/gpus/GPU-a")]
    [InlineData("GPU-a", "GPU-a", "GPU-a")]
    [InlineData("GPU-a", "GPU-ab", null)]
    [InlineData("machine/gpus", "machine/processors", null)]
    public void A_part_and_its_whole_have_the_part_in_common(string one, string other, string? common) => Assert.Equal(common, CountedParts.Common([one], [other]));

    [Theory]
    [InlineData("node-2", "node-2", 9917)]
    [InlineData("node-2:81", "node-2", 81)]
    [InlineData("10.0.0.2:65535", "10.0.0.2", 65535)]
    [InlineData("[::1]", "::1", 9917)]
    [InlineData("[::1]:81", "::1", 81)]
    public void Addresses_have_a_host_and_perhaps_a_port(string text, string host, int port)
    {
        NodeAddress address = NodeAddress.Parse(text)!.Value;
        Assert.Equal((host, port), (address.Host, address.Port));
        Assert.Equal(address, NodeAddress.Parse(address.ToString()));
    }

    [Theory]
    [InlineData("")]
    [InlineData(":81")]
    [InlineData("node:")]
    [InlineData("node:0")]
    [InlineData("node:65536")]
    [InlineData("node:+1")]
    [InlineData("::1")]
    [InlineData("[::1")]
    [InlineData("[]:81")]
    [InlineData("[::1]81")]
    [InlineData("a b")]
    public void Anything_else_is_no_address(string text) => Assert.Null(NodeAddress.Parse(text));
}
