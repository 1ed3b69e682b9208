using System.IO.Enumeration;
using Litespark.Benchmarks.Measuring;

namespace Litespark.Benchmarks.Builds;

/// <summary>A kernel that both builds run in a step.</summary>
/// <param name="Kernel">As this build has it.</param>
/// <param name="Other">Its place in the other build.</param>
/// <param name="Own">Its place in this build.</param>
/// <param name="Seconds">All of its calls in a step of this build.</param>
internal sealed record KernelPair(BuildKernel Kernel, int Other, int Own, double Seconds)
{
    /// <summary>Name, phase and operands on one line.</summary>
    public static string Text(BuildKernel kernel) => $"{kernel.Name} {kernel.Phase} {kernel.Operands}";

    /// <summary>Whether a part of the kernel's text is as the pattern says; * stands for any characters, ? for one; letters of either case.</summary>
    public static bool Matches(BuildKernel kernel, string pattern) => FileSystemName.MatchesSimpleExpression($"*{pattern}*", Text(kernel), ignoreCase: true);

    /// <summary>Those of one name, phase and operands, in this build's order; and those that one build alone has. The number of calls may differ.</summary>
    public static (IReadOnlyList<KernelPair> Pairs, IReadOnlyList<int> OtherAlone, IReadOnlyList<int> OwnAlone) Match(IReadOnlyList<BuildKernel> other, IReadOnlyList<BuildKernel> own, double[] ownSeconds)
    {
        Dictionary<string, int> places = other.Index().ToDictionary(item => Text(item.Item), item => item.Index);
        var (pairs, ownAlone) = (new List<KernelPair>(), new List<int>());
        for (int i = 0; i < own.Count; i++)
        {
            if (places.Remove(Text(own[i]), out int place)) pairs.Add(new KernelPair(own[i], place, i, ownSeconds[i]));
            else ownAlone.Add(i);
        }

        return (pairs, [.. places.Values.Order()], ownAlone);
    }

    /// <summary>Old over new time of several kernels together: the ratio of each, weighted by its time in a step of this build.</summary>
    public static double Together(IEnumerable<(KernelPair Kernel, PairFigures Figures)> kernels)
        => Statistics.WeightedRatio(kernels.Select(item => (item.Kernel.Seconds, 1.0, 1 / item.Figures.Ratio)));
}
