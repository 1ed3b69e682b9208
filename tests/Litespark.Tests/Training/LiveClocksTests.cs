using Litespark.Energy;
using Litespark.Energy.Clocks;
using Litespark.Energy.Clocks.Live;
using Litespark.Planning;
using Litespark.Recipes;
using Litespark.Tests.Cli;
using Litespark.Tests.Energy.Nvml;
using Litespark.Training;

namespace Litespark.Tests.Training;

public sealed class LiveClocksTests : IDisposable
{
    const int NoPermission = 4;

    readonly TinyRun tiny = new();

    public void Dispose() => tiny.Dispose();

    /// <summary>A GPU that nothing is computed on.</summary>
    sealed class Gpu : IDevice
    {
        public string Name => "cuda";

        public string HardwareName => "Simulated H200";

        public IReadOnlyList<(string Name, string Value)> Facts => [];

        public int Threads => 1;

        public IReadOnlyList<string> Gpus => ["0"];

        public DeviceProfile Profile => DeviceProfile.Cpu;

        public ILoadedProgram Load(StepProgram program) => throw new NotSupportedException();

        public double SamplePeakFlops() => 1;

        public double SampleBandwidth() => 1;

        public void Dispose() { }
    }

    EnergySection Recipe(int calls, string hardware = "Simulated H200")
    {
        string path = tiny.At("plan.json");
        EnergyJson.Write(path, new ClockPlan
        {
            Hardware = hardware, Model = "tiny", Calls = calls, Level = PlanLevel.Static, Objective = PlanObjective.Energy, Tau = 0,
            Regions = [new ClockRegion(0, calls, new ClockPair(1500, null), 0)], Automatic = new StepCost(1, 1), Predicted = new StepCost(1, 0.9),
            LowerBound = 0.9, Switching = ClockSwitching.Free, ChangesAhead = false,
        });
        return new EnergySection { Clocks = path };
    }

    static int Calls(StepProgram program, int microBatches) => StepWork.Of(program, microBatches).Sum(part => part.Plan.Calls.Count * part.Times);

    [Fact]
    public void Clocks_are_off_by_default()
    {
        using TrainingSetup setup = tiny.Open();
        using var gpu = new Gpu();
        Assert.Null(LiveClocks.Open(setup.Recipe.Energy, gpu, setup.Program, 2, null, new EnergyMeterOptions()));
        LiveClocks.RequirePossible(setup.Recipe.Energy, gpu);
    }

    [Fact]
    public void On_the_processor_a_plan_is_a_user_error_before_anything_is_done()
    {
        CliRun run = CliRun.Of("train", tiny.RecipePath, "--out", tiny.At("run"), "--set", "energy.clocks=plan.json");
        run.AssertUserError("clocks are changed on GPUs, and this run computes on");
        Assert.Contains("energy.clocks: off", run.Error);
        Assert.False(Directory.Exists(tiny.At("run")));
    }

    [StandInFact]
    public void A_plan_binds_the_clocks_of_the_runs_gpus_until_it_is_disposed()
    {
        using var nvml = StandInNvml.Create(StandInGpu.H200);
        using TrainingSetup setup = tiny.Open();
        using var gpu = new Gpu();
        int calls = Calls(setup.Program, 2);
        nvml.Load(0, 0.1, 0.1);
        using (ClockController controller = LiveClocks.Open(Recipe(calls), gpu, setup.Program, 2, null, nvml.Options("0"))!)
        {
            nvml.Advance(0.1);
            Assert.Equal(1500, nvml.CoreMegahertz(0));
            Assert.Null(controller.Problem);
            Assert.Equal(1, controller.Report.Changes);
        }

        nvml.Advance(0.1);
        Assert.Equal(1980, nvml.CoreMegahertz(0));
        Assert.Equal(0, nvml.Users);
    }

    [StandInFact]
    public void What_does_not_fit_is_refused_and_so_is_who_may_not()
    {
        using var nvml = StandInNvml.Create(StandInGpu.H200);
        using TrainingSetup setup = tiny.Open();
        using var gpu = new Gpu();
        int calls = Calls(setup.Program, 2);
        string Error(EnergySection energy) => Assert.Throws<UserErrorException>(() => LiveClocks.Open(energy, gpu, setup.Program, 2, null, nvml.Options("0"))).Message;
        Assert.Contains($"a step of {calls + 1} kernel calls (tiny); this run's step has {calls}", Error(Recipe(calls + 1)));
        Assert.Contains("clocks do not transfer", Error(Recipe(calls, "Simulated RTX 3080 Ti")));
        Assert.Contains("there is no such file", Error(new EnergySection { Clocks = tiny.At("nowhere.json") }));
        nvml.Fail("nvmlDeviceSetGpuLockedClocks", NoPermission);
        Assert.Contains("SYS_ADMIN", Error(Recipe(calls)));
        Assert.Equal(0, nvml.Users);
    }
}
