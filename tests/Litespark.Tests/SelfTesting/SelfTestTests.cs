using System.Text.Json.Nodes;
using Litespark.Devices.Cpu;
using Litespark.SelfTesting;
using Litespark.Tests.Peers;

namespace Litespark.Tests.SelfTesting;

/// <summary>A fact that needs Python.</summary>
sealed class PythonFactAttribute : FactAttribute
{
    public PythonFactAttribute() => Skip = new PythonPeer("").IsThere ? null : "there is no python3 (LITESPARK_PYTHON names another one)";
}

/// <summary>The stages of the self-test, small, on the CPU.</summary>
public sealed class SelfTestTests : IDisposable
{
    readonly CpuDevice device = new(2), reference = new(1);
    readonly string folder = Directory.CreateTempSubdirectory("litespark-selftest-").FullName;

    public void Dispose()
    {
        device.Dispose();
        reference.Dispose();
        Directory.Delete(folder, recursive: true);
    }

    StageOutcome Run(string stage, TimeSpan? budget = null) => new SelfTest(device, reference, new SelfTestSettings
    {
        Folder = folder, Small = true, Models = [new SelfTestModel("llama-1m", 32, 1)], Peers = Path.Combine(TorchPeer.RepositoryRoot(), "benchmarks", "peers"), StageBudget = budget ?? TimeSpan.FromMinutes(7),
    }, _ => { }).Run(stage).Single();

    JsonObject[] Lines(string stage) => [.. File.ReadLines(Path.Combine(folder, stage + ".jsonl")).Select(line => JsonNode.Parse(line)!.AsObject())];

    [Fact]
    public void The_probe_says_what_is_there()
    {
        StageOutcome outcome = Run("probe");
        Assert.Equal((0, null), (outcome.Failed, outcome.LeftOut));
        Assert.Contains(Lines("probe"), line => (string?)line["fact"] == "peak");
    }

    [Fact]
    public void Every_kernel_is_tried_and_the_last_line_sums_up()
    {
        StageOutcome outcome = Run("kernels");
        Assert.Equal(0, outcome.Failed);
        Assert.True(outcome.Passed >= 3 * OpCases.All(false).Count());
        Assert.Equal(outcome.Passed, (int)Lines("kernels")[^1]["passed"]!);
    }

    [Fact]
    public void A_stage_that_runs_out_of_time_says_so()
    {
        StageOutcome outcome = Run("kernels", TimeSpan.Zero);
        Assert.Contains("minutes were over", outcome.LeftOut);
    }

    [Fact]
    public void A_case_is_cut_short_when_the_time_is_over_and_what_was_found_stays()
    {
        var context = new SelfTestContext(device, reference, new SelfTestSettings { Folder = folder, StageBudget = TimeSpan.FromMilliseconds(200) }, _ => { }, CancellationToken.None);
        string path = Path.Combine(folder, "stage.jsonl");
        using (var file = new ResultFile(path))
        {
            context.Begin(file);
            context.Try("short", () => context.Add(true, new JsonObject { ["case"] = "short" }));
            context.Try("endless", () =>
            {
                Assert.True(context.Deadline.WaitHandle.WaitOne(TimeSpan.FromMinutes(1)));
                context.Deadline.ThrowIfCancellationRequested();
            });
        }

        Assert.Equal((1, 0, true, false), (context.Passed, context.Failed, context.IsOutOfTime, context.HasTime()));
        Assert.Equal("""{"case":"short"}""", File.ReadAllText(path).Trim());
        Assert.Equal(TimeSpan.Zero, context.TimeLeft);
    }

    [Fact]
    public void Several_stages_run_in_their_order()
    {
        IReadOnlyList<StageOutcome> outcomes = new SelfTest(device, reference, new SelfTestSettings { Folder = folder, Small = true, Models = [] }, _ => { }).Run("tune", "probe");
        Assert.Equal(["probe", "tune"], outcomes.Select(outcome => outcome.Stage));
    }

    /// <summary>A Python that never ends is killed with what it started.</summary>
    [PythonFact]
    public void A_peer_that_does_not_end_is_killed()
    {
        string script = Path.Combine(folder, "endless.py");
        File.WriteAllText(script, "import time\ntime.sleep(600)\n");
        var python = new PythonPeer(script);
        Assert.Contains("endless.py was killed: it had not ended after 1 s", Assert.Throws<RunFailureException>(() => python.Run([], TimeSpan.FromSeconds(1))).Message);
    }

    /// <summary>The stage's time is no fault of the peer's.</summary>
    [PythonFact]
    public void A_peer_that_is_cut_short_by_the_stage_has_not_failed()
    {
        string script = Path.Combine(folder, "endless.py");
        File.WriteAllText(script, "import time\ntime.sleep(600)\n");
        var python = new PythonPeer(script);
        var context = new SelfTestContext(device, reference, new SelfTestSettings { Folder = folder, StageBudget = TimeSpan.FromSeconds(1) }, _ => { }, CancellationToken.None);
        using var file = new ResultFile(Path.Combine(folder, "stage.jsonl"));
        context.Begin(file);
        context.Try("endless", () => python.Run([], TimeSpan.FromMinutes(5), context.Deadline));
        Assert.Equal((0, 0, true), (context.Passed, context.Failed, context.IsOutOfTime));
        Assert.Throws<OperationCanceledException>(() => python.Run([], TimeSpan.FromMinutes(5), context.Deadline)); // none is started any more
    }

    [Fact]
    public void Energy_that_is_only_estimated_is_left_out()
    {
        StageOutcome outcome = Run("energy");
        if (outcome.LeftOut is null) Assert.True(outcome.Passed > 0);
        else Assert.Contains("nothing can be measured", outcome.LeftOut);
    }

    /// <summary>The losses of five steps beside PyTorch's, from the same weights and tokens; the timed forms where this PyTorch has them.</summary>
    [Fact]
    public void Losses_are_those_of_the_peer()
    {
        StageOutcome outcome = Run("peer");
        if (outcome.LeftOut is not null)
        {
            Assert.Matches("PyTorch|there is no", outcome.LeftOut);
            return;
        }

        JsonObject losses = Lines("peer").First(line => (string?)line["case"] == "losses");
        Assert.True((bool)losses["passed"]!, losses.ToJsonString());
    }

    [Fact]
    public void A_stage_that_does_not_exist_is_refused()
        => Assert.Contains("probe, pins, kernels", Assert.Throws<UserErrorException>(() => Run("kernel")).Message);
}
