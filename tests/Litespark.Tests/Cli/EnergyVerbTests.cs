using System.Text.Json;
using System.Xml.Linq;
using Litespark.Energy;
using Litespark.Energy.Clocks;
using Litespark.Energy.Profiles;
using Litespark.Tests.Energy.Paper;

namespace Litespark.Tests.Cli;

public sealed class EnergyVerbTests : IDisposable
{
    static readonly string[] tiny =
    [
        "--device", "cpu", "--set", "data.source=synthetic", "--set", "model.hidden_size=32", "--set", "model.intermediate_size=64", "--set", "model.num_hidden_layers=2",
        "--set", "model.num_attention_heads=2", "--set", "model.vocab_size=64", "--set", "training.sequence_length=16", "--set", "training.micro_batch_size=2",
        "--set", "training.global_batch_tokens=96", "--set", "engine.threads=1", "--set", "energy.source=estimate", "--window", "0.002",
    ];

    readonly string folder = Directory.CreateTempSubdirectory("litespark-energy-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    string At(string file) => Path.Combine(folder, file);

    [Fact]
    public void A_profile_on_a_machine_without_a_meter_has_times_and_no_joules()
    {
        JsonElement json = CliRun.Of(["energy", "profile", "llama-15m", .. tiny, "--out", At("p.json"), "--json"]).Json()
            .Has("profile", "model", "hardware", "energy_source", "clocks", "kernels", "sum", "step", "closes");
        Assert.Equal("estimate", json.GetProperty("energy_source").GetString());
        foreach (JsonElement kernel in json.GetProperty("kernels").EnumerateArray())
        {
            kernel.Has("name", "phase", "shapes", "calls", "seconds", "joules", "watts", "flops_per_joule", "bytes_per_joule", "spread", "is_steady");
            Assert.True(kernel.Number("seconds") > 0);
            Assert.Equal(JsonValueKind.Null, kernel.GetProperty("joules").ValueKind);
        }

        EnergyProfile profile = EnergyJson.ReadProfile(At("p.json"));
        Assert.Equal(["first_micro_batch", "next_micro_batch", "clip", "update"], profile.Parts.Select(part => part.Plan));
        Assert.Equal([1, 2, 1, 1], profile.Parts.Select(part => part.Times));
        Assert.Equal(96, profile.Subject.TokensPerStep);
        Assert.Equal(["backward", "forward", "optimizer"], profile.Kernels.Select(kernel => kernel.Kernel.Phase).Distinct().Order());
        // Both layers' calls are the same kernels.
        Assert.True(profile.Kernels.Count < 0.8 * profile.Parts[0].Calls.Count + profile.Parts[^1].Calls.Count + profile.Parts[^2].Calls.Count);
        Assert.Contains("hidden_size: 32", profile.Subject.Recipe);

        CliRun.Of("energy", "plan", At("p.json")).AssertUserError("no measured energy");
        CliRun people = CliRun.Of(["energy", "profile", "llama-15m", .. tiny, "--out", At("p.json")]);
        Assert.Equal(0, people.Code);
        Assert.Contains("Only time was measured", people.Out);
        Assert.Contains("The kernels' sum", people.Out);
    }

    [Fact]
    public void Where_nothing_can_be_written_nothing_is_measured()
    {
        string lost = Path.Combine(folder, "no", "such", "folder", "p.json");
        CliRun profile = CliRun.Of(["energy", "profile", "llama-15m", .. tiny, "--out", lost]);
        profile.AssertUserError("cannot be written");
        Assert.DoesNotContain("window", profile.Error, StringComparison.OrdinalIgnoreCase);
        EnergyJson.Write(At("p.json"), PaperProfiles.Calibrated(batch: 8));
        CliRun.Of("energy", "plan", At("p.json"), "--svg", lost, "--out", At("plan.json")).AssertUserError("cannot be written");
        Assert.False(File.Exists(At("plan.json")));
    }

    [Fact]
    public void A_plan_says_what_each_level_saves_and_is_written_with_its_picture()
    {
        EnergyJson.Write(At("p.json"), PaperProfiles.Calibrated(batch: 8));
        string[] plan = ["energy", "plan", At("p.json"), "--tau", "0.02", "--switch-ms", "0.01", "--gpus", "2"];
        JsonElement json = CliRun.Of([.. plan, "--out", At("plan.json"), "--svg", At("frontier.svg"), "--json"]).Json().Has("automatic", "levels", "frontier", "level", "remeasured", "plan");
        JsonElement[] levels = [.. json.GetProperty("levels").EnumerateArray()];
        Assert.Equal(PlanLevels.Names, levels.Select(level => level.Has("level", "seconds", "joules", "lower_bound", "changes", "if_changes_wait").GetProperty("level").GetString()!));
        double automatic = json.GetProperty("automatic").Number("joules");
        Assert.All(levels, level => Assert.InRange(level.Number("joules"), 0.5 * automatic, automatic));
        Assert.Equal(6 * 9, json.GetProperty("frontier").GetArrayLength());
        ClockPlan written = EnergyJson.ReadPlan(At("plan.json"));
        Assert.Equal((PlanLevel.Region, 2, 0.02), (written.Level, written.Switching.Gpus, written.Tau));
        Assert.Equal(6, XDocument.Load(At("frontier.svg")).Descendants().Count(element => element.Name.LocalName == "polyline"));

        CliRun people = CliRun.Of([.. plan, "--level", "pass", "--objective", "edp", "--out", At("plan.json")]);
        Assert.Equal(0, people.Code);
        Assert.Contains("Least energy × time", people.Out);
        Assert.Contains("--remeasure measures them again", people.Out);
        written = EnergyJson.ReadPlan(At("plan.json"));
        Assert.Equal((PlanLevel.Pass, PlanObjective.EnergyDelay, null), (written.Level, written.Objective, written.Tau));
    }

    [Fact]
    public void A_plan_measured_again_elsewhere_is_refused()
    {
        EnergyProfile profile = PaperProfiles.Calibrated(batch: 8);
        string recipe = CliRun.Of("recipe", "show", "llama-15m", "--set", "data.source=synthetic", "--set", "training.sequence_length=16", "--set", "training.micro_batch_size=1").Out;
        EnergyJson.Write(At("p.json"), profile with { Subject = profile.Subject with { Recipe = recipe } });
        CliRun run = CliRun.Of("energy", "plan", At("p.json"), "--level", "static", "--remeasure", "--out", At("plan.json"));
        Assert.Equal(2, run.Code);
        Assert.Contains("clocks do not transfer", run.Error);
        Assert.False(File.Exists(At("plan.json")));
    }

    [Theory]
    [InlineData("energy profile", "--out")]
    [InlineData("energy profile nothing --out x.json", "no shipped recipe")]
    [InlineData("energy plan missing.json", "no such file")]
    [InlineData("energy plan missing.json --tau -1", "--tau must be a fraction from 0 to 10")]
    [InlineData("energy plan missing.json --level kernels", "kernels")]
    [InlineData("energy profile llama-15m --device cpu --set data.source=synthetic --set training.sequence_length=16 --set training.micro_batch_size=1 --grid --out x.json", "clocks are changed on GPUs")]
    public void Wrong_input_is_a_user_error(string line, string expected) => CliRun.Of(line.Split(' ')).AssertUserError(expected);
}
