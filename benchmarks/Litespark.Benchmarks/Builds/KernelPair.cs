using System.IO.Enumeration;
using System.Text.RegularExpressions;
using Litespark.Benchmarks.Measuring;

namespace Litespark.Benchmarks.Builds;

/// <summary>A kernel that both builds run in a step.</summary>
/// <param name="Kernel">As this build has it.</param>
/// <param name="Other">Its place in the other build.</param>
/// <param name="Own">Its place in this build.</param>
/// <param name="Seconds">All of its calls in a step of this build.</param>
internal sealed partial record KernelPair(BuildKernel Kernel, int Other, int Own, double Seconds)
{
    /// <summary>Name, phase and operands on one line.</summary>
    public static string Text(BuildKernel kernel) => $"{kernel.Name} {kernel.Phase} {kernel.Operands}";

    /// <summary>Whether a part of the kernel's text is as the pattern says; * stands for any characters, ? for one; letters of either case.</summary>
    public static bool Matches(BuildKernel kernel, string pattern) => FileSystemName.MatchesSimpleExpression($"*{pattern}*", Text(kernel), ignoreCase: true);

    /// <summary>
    /// Those of one name, phase and operands, in this build's order; and those that one build alone has. The number of calls may differ, and so may
    /// how far apart rows lie, unless kernels differ in that alone.
    /// </summary>
    public static (IReadOnlyList<KernelPair> Pairs, IReadOnlyList<int> OtherAlone, IReadOnlyList<int> OwnAlone) Match(IReadOnlyList<BuildKernel> other, IReadOnlyList<BuildKernel> own, double[] ownSeconds)
    {
        Dictionary<string, int> places = other.Index().ToDictionary(item => Text(item.Item), item => item.Index);
        var (found, ownAlone) = (new int?[own.Count], new List<int>());
        for (int i = 0; i < own.Count; i++)
            if (places.Remove(Text(own[i]), out int place)) found[i] = place;
        foreach (IGrouping<string, int> alike in places.Values.Order().ToArray().GroupBy(place => WithoutStrides(other[place])))
        {
            int[] mine = [.. Enumerable.Range(0, own.Count).Where(i => found[i] is null && WithoutStrides(own[i]) == alike.Key)];
            if (mine.Length != 1 || alike.Count() != 1) continue;
            found[mine[0]] = alike.First();
            places.Remove(Text(other[alike.First()]));
        }

        var pairs = new List<KernelPair>();
        for (int i = 0; i < own.Count; i++)
        {
            if (found[i] is { } place) pairs.Add(new KernelPair(own[i], place, i, ownSeconds[i]));
            else ownAlone.Add(i);
        }

        return (pairs, [.. places.Values.Order()], ownAlone);
    }

    static string WithoutStrides(BuildKernel kernel) => StrideText().Replace(Text(kernel), "");

    [GeneratedRegex("/[0-9]+")]
    private static partial Regex StrideText();

    /// <summary>Old over new time of several kernels together: the ratio of each, weighted by its time in a step of this build.</summary>
    public static double Together(IEnumerable<(KernelPair Kernel, PairFigures Figures)> kernels)
        => Statistics.WeightedRatio(kernels.Select(item => (item.Kernel.Seconds, 1.0, 1 / item.Figures.Ratio)));
}
