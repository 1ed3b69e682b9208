using Xunit.Abstractions;

[assembly: TestCollectionOrderer("Litespark.Tests.LongestFirst", "Litespark.Tests")]

namespace Litespark.Tests;

/// <summary>
/// Classes that compile kernels or train come first. They take up to a minute each, and one that began last, as it may in the order of
/// chance that is xunit's own, would end alone while the other processors wait.
/// </summary>
public sealed class LongestFirst : ITestCollectionOrderer
{
    static readonly string[] longest = [".Devices.Cuda.", ".SelfTesting.", ".Training.", ".Energy."];

    /// <inheritdoc/>
    public IEnumerable<ITestCollection> OrderTestCollections(IEnumerable<ITestCollection> testCollections)
        => testCollections.OrderBy(collection => Rank(collection.DisplayName)).ThenBy(collection => collection.DisplayName, StringComparer.Ordinal);

    static int Rank(string name)
    {
        int rank = Array.FindIndex(longest, part => name.Contains(part, StringComparison.Ordinal));
        return rank < 0 ? longest.Length : rank;
    }
}
