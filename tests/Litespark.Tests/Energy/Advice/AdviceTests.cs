using Litespark.Energy;
using Litespark.Energy.Advice;
using Litespark.Energy.Clocks;
using Litespark.Energy.Profiles;
using Litespark.Tests.Cli;

namespace Litespark.Tests.Energy.Advice;

public sealed class AdviceTests
{
    static readonly ClockPair[] clocks = [ClockPair.Automatic, new(1500, null), new(1000, null), new(null, 5001)];

    static Measurement At(double seconds, double watts) => new(seconds, seconds * watts, 0, true);

    /// <summary>A core-bound kernel (400 W at full clock) and a memory-bound one (300 W), two calls and one; the last pair lowers the memory.</summary>
    static EnergyProfile Profile(int microBatch = 1, string model = "m", bool hasEnergy = true, bool isGrid = true, long tokens = 64)
    {
        ProfiledKernel Kernel(string name, params Measurement[] points) => new(
            new KernelInfo(name, "forward", "", 1, 1), [.. points.Take(isGrid ? 4 : 1).Select(point => hasEnergy ? point : point with { Joules = null })]);
        return new EnergyProfile
        {
            Subject = new ProfileSubject(model, microBatch, 16, tokens, ""),
            Device = new ProfileDevice("cuda", "h", hasEnergy ? "nvml" : "estimate", "why", null),
            Clocks = clocks[..(isGrid ? 4 : 1)],
            Kernels =
            [
                Kernel("matmul", At(1, 400), At(1.3, 260), At(2, 150), At(0.9, 100)),
                Kernel("norm", At(1, 300), At(1, 210), At(1.1, 140), At(5, 100)),
            ],
            Parts = [new ProfiledPart("first_micro_batch", 1, [0, 1, 0])],
        };
    }

    [Fact]
    public void Under_a_limit_each_kernel_runs_between_the_clocks_beside_it()
    {
        static StepCost Between(Measurement low, Measurement high, double watts)
        {
            double share = (watts - low.Watts!.Value) / (high.Watts!.Value - low.Watts.Value);
            return new StepCost(low.Seconds + (share * (high.Seconds - low.Seconds)), low.Joules!.Value + (share * (high.Joules!.Value - low.Joules.Value)));
        }

        static StepCost Step(StepCost matmul, StepCost norm) => new((2 * matmul.Seconds) + norm.Seconds, (2 * matmul.Joules) + norm.Joules);
        IReadOnlyList<AdviceOption> limits = PowerLimits.Of(Profile(), 50);
        Assert.Equal([400, 350, 300, 250, 200, 150], limits.Select(option => option.Setting));
        Measurement full = At(1, 400), less = At(1.3, 260), least = At(2, 150);
        // The norm's time does not fall any more at 300 W, whatever the limit; between 210 and 140 W it does.
        StepCost norm = new(1, 300), low = new(1, 210);
        Assert.Equal(Step(new StepCost(1, 400), norm), limits[0].Cost, Near);
        Assert.Equal(Step(Between(less, full, 350), norm), limits[1].Cost, Near);
        Assert.Equal(Step(Between(less, full, 300), norm), limits[2].Cost, Near);
        Assert.Equal(Step(Between(least, less, 250), low), limits[3].Cost, Near);
        Assert.Equal(Step(Between(least, less, 200), Between(At(1.1, 140), At(1, 210), 200)), limits[4].Cost, Near);
        Assert.Equal(Step(new StepCost(2, 300), Between(At(1.1, 140), At(1, 210), 150)), limits[5].Cost, Near);
    }

    static bool Near(StepCost a, StepCost b) => Math.Abs(a.Seconds - b.Seconds) < 1e-9 && Math.Abs(a.Joules - b.Joules) < 1e-6;

    [Fact]
    public void Each_criterion_has_its_choice()
    {
        AdviceOption fast = new(300, new StepCost(1, 300)), middle = new(250, new StepCost(1.1, 240)), slow = new(200, new StepCost(1.6, 230));
        SettingAdvice Ask(double eta, double slowdown) => new([fast, middle, slow], eta, 300, slowdown);
        Assert.Equal(slow, Ask(0.5, 1).LeastEnergy);
        Assert.Equal(fast, Ask(0.5, 1).LeastTime);
        Assert.Equal(fast, Ask(0, 1).LeastCost);
        Assert.Equal(middle, Ask(0.5, 1).LeastCost);
        Assert.Equal(slow, Ask(1, 1).LeastCost);
        Assert.Equal((0.5 * 240) + (0.5 * 300 * 1.1), Ask(0.5, 1).CostOf(middle), 9);
        Assert.Equal(fast, Ask(0.5, 1.05).WithinSlowdown);
        Assert.Equal(middle, Ask(0.5, 1.1).WithinSlowdown);
        Assert.Equal(slow, Ask(0.5, 2).WithinSlowdown);
    }

    [Fact]
    public void Micro_batches_are_compared_by_the_token()
    {
        IReadOnlyList<AdviceOption> sizes = BatchSizes.Of([Profile(4), Profile(2) with { Steps = [new ProfiledStep(0, At(1.6, 200))] }]);
        Assert.Equal([2, 4], sizes.Select(size => size.Setting));
        Assert.Equal(new StepCost(1.6 / 64, 320.0 / 64), sizes[0].Cost, Near);
        Assert.Equal(new StepCost(3.0 / 64, 1100.0 / 64), sizes[1].Cost, Near);
    }

    [Fact]
    public void No_advice_follows_from_estimates_from_one_clock_or_from_unlike_profiles()
    {
        Assert.Contains("no measured energy (energy_source: estimate)", Assert.Throws<UserErrorException>(() => PowerLimits.Of(Profile(hasEnergy: false))).Message);
        Assert.Contains("--grid", Assert.Throws<UserErrorException>(() => PowerLimits.Of(Profile(isGrid: false))).Message);
        Assert.Contains("one model", Assert.Throws<UserErrorException>(() => BatchSizes.Of([Profile(1), Profile(2, "other")])).Message);
        Assert.Contains("training.global_batch_tokens", Assert.Throws<UserErrorException>(() => BatchSizes.Of([Profile(1), Profile(2, tokens: 128)])).Message);
        Assert.Contains("same micro-batch", Assert.Throws<UserErrorException>(() => BatchSizes.Of([Profile(1), Profile(1)])).Message);
    }

    [Fact]
    public void The_verb_prints_both_kinds_of_advice()
    {
        string folder = Directory.CreateTempSubdirectory("litespark-advice-").FullName;
        try
        {
            string[] files = [Path.Combine(folder, "1.json"), Path.Combine(folder, "2.json")];
            EnergyJson.Write(files[0], Profile(1));
            EnergyJson.Write(files[1], Profile(2));
            CliRun run = CliRun.Of(["energy", "advise", .. files]);
            Assert.Equal(0, run.Code);
            Assert.Contains("least cost (η = 0.5)", run.Out);
            Assert.Contains("power limits of the GPU", run.Out);
            System.Text.Json.JsonElement json = CliRun.Of(["energy", "advise", .. files, "--json"]).Json().Has("micro_batches", "power_limits");
            Assert.Equal(1, json.GetProperty("micro_batches").Number("least_energy"));
            Assert.Equal(400, json.GetProperty("power_limits").Number("least_time"));
            CliRun.Of("energy", "advise", Path.Combine(folder, "nowhere.json")).AssertUserError("there is no such file");
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
