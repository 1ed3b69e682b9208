using Litespark.Devices.Cuda.Compilation;
using Litespark.Devices.Cuda.Driver;

namespace Litespark.Devices.Cuda.Pins;

/// <summary>What the lanes of a warp do together: shuffles, votes, and the sums and maxima made of them.</summary>
internal static class WarpPins
{
    const int Warp = 32;

    static readonly KernelVariant file = new("pins");

    /// <summary>All of them.</summary>
    public static IEnumerable<Pin> All(Random random)
    {
        uint[] words = PinSet.Words(random, Warp);
        IEnumerable<int> lanes = Enumerable.Range(0, Warp);
        // A lane whose source is beyond its part of the warp keeps its own word.
        yield return new("__shfl_sync, __shfl_xor_sync, __shfl_down_sync, __shfl_up_sync", file, "pin_shuffles", new LaunchShape(1, Warp), words,
        [
            .. lanes.Select(i => words[(i * 7 + 3) % Warp]), .. lanes.Select(i => words[i ^ 5]), .. lanes.Select(i => words[i + 3 < Warp ? i + 3 : i]), .. lanes.Select(i => words[i >= 3 ? i - 3 : i]),
            .. lanes.Select(i => words[i / 8 * 8 + 2]), .. lanes.Select(i => words[i ^ 3]),
        ]);

        foreach (bool present in (bool[])[true, false])
        {
            uint sought = present ? words[random.Next(Warp)] : words.Max() + 1;
            uint ballot = lanes.Aggregate(0u, (votes, i) => votes | (words[i] & 1) << i);
            yield return new($"__ballot_sync, __any_sync, __all_sync, {(present ? "one lane" : "no lane")}", file, "pin_votes", new LaunchShape(1, Warp), [.. words, sought],
                [.. lanes.Select(_ => ballot), .. lanes.Select(_ => present ? 1u : 0), .. lanes.Select(_ => present ? 0u : 1)]);
        }

        // Whole numbers: their sums are the same in any order.
        float[] numbers = Numbers(random, 2 * Warp);
        yield return Reduction("warp_sum", numbers, warp => warp.Sum());
        yield return Reduction("warp_max", numbers, warp => warp.Max());
        foreach ((int team, int threads) in ((int, int)[])[(1, 64), (8, 64), (32, 64), (96, 96), (256, 256)]) yield return Teams(random, team, threads);
    }

    static Pin Reduction(string name, float[] numbers, Func<float[], float> function)
        => new(name, file, "pin_" + name, new LaunchShape(1, numbers.Length), PinSet.Words(numbers), PinSet.Words(numbers.Chunk(Warp).SelectMany(warp => Enumerable.Repeat(function(warp), Warp))));

    static Pin Teams(Random random, int team, int threads)
    {
        float[] numbers = Numbers(random, threads);
        return new($"team_sum, team_max of {team} threads", new KernelVariant("pins_teams", $"TEAM={team}", $"THREADS={threads}"), "pin_teams", new LaunchShape(1, threads), PinSet.Words(numbers),
        [
            .. PinSet.Words(numbers.Chunk(team).SelectMany(members => Enumerable.Repeat(members.Sum(), team))), .. PinSet.Words(numbers.Chunk(team).SelectMany(members => Enumerable.Repeat(members.Max(), team))),
            .. Enumerable.Range(0, threads).Select(i => (uint)i),
        ]);
    }

    static float[] Numbers(Random random, int count) => [.. Enumerable.Range(0, count).Select(_ => (float)random.Next(-9999, 9999))];
}
