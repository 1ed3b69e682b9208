using System.Diagnostics;
using Litespark.Benchmarking;
using Litespark.Devices.Cpu;
using Litespark.Energy;
using Litespark.Energy.Comparison;
using Litespark.Recipes;

namespace Litespark.Tests.Benchmarking;

/// <summary>Joules of a benchmark under a meter that measures no window as short as a turn, as a GPU's does.</summary>
public class EnergyWindowsTests
{
    const double Watts = 50;

    static readonly BenchmarkSettings Short = new() { MinRounds = 1, MaxRounds = 1, PassRounds = 1, EnergyWindows = 0, Budget = TimeSpan.Zero, Turn = TimeSpan.Zero };

    /// <summary>Draws the same all the time; a window must be of 0.3 s.</summary>
    sealed class CoarseMeter : IEnergyMeter
    {
        readonly long start = Stopwatch.GetTimestamp();

        public string Source => EnergySources.Nvml;

        public bool IsEstimate { get; init; }

        public string Explanation => "";

        public IReadOnlyList<string> Counted => [];

        public TimeSpan ShortestWindow => TimeSpan.FromSeconds(0.3);

        public double ReadJoules() => Watts * Stopwatch.GetElapsedTime(start).TotalSeconds;

        public void Dispose()
        {
        }
    }

    static BenchmarkReport Run(BenchmarkSettings settings, CoarseMeter meter, List<string> status)
    {
        LoadedRecipe recipe = RecipeLoader.Load("""
            model: {hidden_size: 16, intermediate_size: 24, num_hidden_layers: 1, num_attention_heads: 2, num_key_value_heads: 1, vocab_size: 64}
            data: {source: synthetic}
            training: {sequence_length: 8, micro_batch_size: 1, max_steps: 1}
            """, "tiny", []);
        using var device = new CpuDevice(1);
        using var benchmark = new PlanBenchmark(recipe, device, settings, status.Add, meter, default);
        return benchmark.Run();
    }

    [Fact]
    public void Turns_alone_give_no_more_than_a_hint()
    {
        BenchmarkReport report = Run(Short, new CoarseMeter(), []);
        Assert.True(report.Energy.A.IsImprecise && report.Energy.B.IsImprecise);
    }

    [Fact]
    public void Longer_windows_of_each_plan_in_turn_give_joules()
    {
        var status = new List<string>();
        BenchmarkReport report = Run(Short with { EnergyWindows = 2 }, new CoarseMeter(), status);
        foreach (EnergySeries plan in (EnergySeries[])[report.Energy.A, report.Energy.B])
        {
            Assert.False(plan.IsImprecise);
            Assert.True(plan.JoulesPerToken.Mean > 0);
        }

        Assert.Contains(status, line => line.StartsWith("window 2 of 2", StringComparison.Ordinal));
    }

    [Fact]
    public void An_estimate_is_not_worth_them()
    {
        var status = new List<string>();
        Run(Short with { EnergyWindows = 2 }, new CoarseMeter { IsEstimate = true }, status);
        Assert.DoesNotContain(status, line => line.StartsWith("window ", StringComparison.Ordinal));
    }
}
