using FsCheck;
using FsCheck.Fluent;
using Litespark.Energy.Clocks;
using Litespark.Energy.Profiles;

namespace Litespark.Tests.Energy.Clocks;

/// <summary>A made-up profile, so small that every plan of it can be tried.</summary>
internal static class SmallProfile
{
    static readonly ClockPair[] grid =
    [
        ClockPair.Automatic, new(1500, null), new(1000, null), new(null, 5001), new(1500, 5001), new(1000, 5001),
    ];

    static readonly string[] phases = ["forward", "backward", "optimizer"];

    /// <summary>From a seed, so that a failing case is one number.</summary>
    /// <param name="seed">Any number.</param>
    /// <param name="mostCalls">Calls of the step.</param>
    /// <param name="mostClocks">Pairs of clocks.</param>
    public static EnergyProfile Random(int seed, int mostCalls = 6, int mostClocks = 4)
    {
        var random = new Random(seed);
        ClockPair[] clocks = [ClockPair.Automatic, .. grid.Skip(1).OrderBy(_ => random.Next()).Take(random.Next(mostClocks))];
        var kernels = new ProfiledKernel[random.Next(1, 5)];
        for (int i = 0; i < kernels.Length; i++)
        {
            double size = Math.Exp(random.NextDouble() * 3);
            // Whole numbers now and then, so that ties happen.
            bool isRound = random.Next(3) == 0;
            double Figure(double low, double high) => isRound ? random.Next(1, 4) : size * (low + ((high - low) * random.NextDouble()));
            kernels[i] = new ProfiledKernel(
                new KernelInfo($"kernel {i}", phases[random.Next(3)], "", 1, 1),
                [.. clocks.Select((pair, index) => index > 0 && random.Next(12) == 0 ? null : new Measurement(Figure(0.9, 1.4), 300 * Figure(0.6, 1.1), 0, true))]);
        }

        int[] Calls(int least) => [.. Enumerable.Range(0, random.Next(least, Math.Max(least, mostCalls / 2) + 1)).Select(_ => random.Next(kernels.Length))];
        return Of(clocks, kernels, [new ProfiledPart("first_micro_batch", 1, Calls(1)), new ProfiledPart("next_micro_batch", 1 + random.Next(2), Calls(0).Take(mostCalls / 4).ToArray())]);
    }

    /// <summary>A profile of measured energy.</summary>
    public static EnergyProfile Of(ClockPair[] clocks, ProfiledKernel[] kernels, ProfiledPart[] parts) => new()
    {
        Subject = new ProfileSubject("made up", 1, 1, 1, ""),
        Device = new ProfileDevice("none", "made up", "nvml", "made up", null),
        Clocks = clocks,
        Kernels = kernels,
        Parts = parts,
        Switching = ClockSwitching.Free,
    };

    /// <summary>Checks a property of many profiles and budgets.</summary>
    public static void Check(Action<EnergyProfile, double> property, int cases = 300)
        => Prop.ForAll(ArbMap.Default.ArbFor<int>(), Gen.Choose(0, 40).ToArbitrary(), (seed, hundredths) => property(Random(seed), hundredths / 100.0))
            .Check(Config.QuickThrowOnFailure.WithMaxTest(cases));
}
