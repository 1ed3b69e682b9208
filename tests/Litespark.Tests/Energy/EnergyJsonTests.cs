using Litespark.Energy;
using Litespark.Energy.Clocks;
using Litespark.Energy.Profiles;
using Litespark.Tests.Energy.Clocks;

namespace Litespark.Tests.Energy;

public sealed class EnergyJsonTests : IDisposable
{
    readonly string folder = Directory.CreateTempSubdirectory("litespark-profile-").FullName;

    string File => Path.Combine(folder, "profile.json");

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public void A_profile_comes_back_as_it_was()
    {
        EnergyProfile profile = SmallProfile.Random(3) with { Steps = [new ProfiledStep(0, new Measurement(1, null, 0.02, false))], Switching = new ClockSwitching(0.006, 0.001, 0.5, 8) };
        EnergyJson.Write(File, profile);
        EnergyProfile read = EnergyJson.ReadProfile(File);
        EnergyJson.Write(File + "2", read);
        Assert.Equal(System.IO.File.ReadAllText(File), System.IO.File.ReadAllText(File + "2"));
        Assert.Equal(profile.Clocks, read.Clocks);
        Assert.Equal(profile.Kernels.SelectMany(kernel => kernel.Points), read.Kernels.SelectMany(kernel => kernel.Points));
        Assert.Equal((profile.Subject, profile.Device, profile.Switching), (read.Subject, read.Device, read.Switching));
        Assert.Equal(profile.Steps, read.Steps);
    }

    [Fact]
    public void A_plan_comes_back_as_it_was()
    {
        ClockPlan plan = new ClockPlanner(SmallProfile.Random(3)).MinimizeEnergy(PlanLevel.KernelLocal, 0.1) with { Remeasured = new RemeasuredPlan(new StepCost(1, 2), new StepCost(3, 4), 2), Latency = new ClockSwitching(0.006, 0.001, 0.5, 8) };
        EnergyJson.Write(File, plan);
        Assert.Contains("\"level\": \"kernel_local\"", System.IO.File.ReadAllText(File));
        ClockPlan read = EnergyJson.ReadPlan(File);
        Assert.Equal(plan.Regions, read.Regions);
        Assert.Equal(plan with { Regions = [] }, read with { Regions = plan.Regions } with { Regions = [] }, (a, b) => a.ToString() == b.ToString());
    }

    [Theory]
    [InlineData("\"version\": 1", "\"version\": 2", "this program reads version 1")]
    [InlineData("\"kernels\"", "\"kernel\"", "not an energy profile")]
    [InlineData("\"times\": 1", "\"times\": 0", "at least once")]
    [InlineData("\"calls\": [", "\"calls\": [ 99,", "calls kernel 99")]
    [InlineData("\"gpus\": 1", "\"gpus\": 0", "at least one GPU")]
    [InlineData("\"clocks\": [", "\"clocks\": [ {\"core_megahertz\":3,\"memory_megahertz\":null},", "the first of 'clocks' must be the automatic ones")]
    public void What_does_not_hold_together_is_named(string right, string wrong, string message)
    {
        EnergyJson.Write(File, SmallProfile.Random(3));
        string text = System.IO.File.ReadAllText(File);
        Assert.Contains(right, text);
        System.IO.File.WriteAllText(File, text.Replace(right, wrong));
        UserErrorException error = Assert.Throws<UserErrorException>(() => EnergyJson.ReadProfile(File));
        Assert.StartsWith(File, error.Message);
        Assert.Contains(message, error.Message);
    }

    [Fact]
    public void Missing_files_and_plans_with_gaps_are_named()
    {
        Assert.Contains("no such file", Assert.Throws<UserErrorException>(() => EnergyJson.ReadProfile(File)).Message);
        ClockPlan plan = new ClockPlanner(SmallProfile.Random(3)).MinimizeEnergy(PlanLevel.Static, 0);
        EnergyJson.Write(File, plan with { Calls = plan.Calls + 1 });
        Assert.Contains("the regions hold", Assert.Throws<UserErrorException>(() => EnergyJson.ReadPlan(File)).Message);
        Assert.Contains("cannot be written", Assert.Throws<UserErrorException>(() => EnergyJson.Write(Path.Combine(folder, "a", "b"), plan)).Message);
    }
}
