using Litespark.Training;

namespace Litespark.Tests.Training;

public class ParameterStoreTests
{
    [Theory]
    [InlineData("", "")]
    [InlineData("3", "1")]
    [InlineData("30", "1")] // too large, and there is no smaller piece of it
    [InlineData("1 1 1 1 1 1 1 1 1", "4 4 1")]
    [InlineData("4 4 4 2", "2 2")]
    [InlineData("1 30 1 1 9 30 30", "1 1 2 1 1 1")]
    [InlineData("5 5 5 5", "2 2")]
    public void Initial_values_at_once_are_bounded_in_number_and_bytes(string bytes, string counts)
    {
        long[] all = [.. bytes.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(long.Parse)];
        Range[] runs = [.. ParameterStore.AtOnce(all, mostItems: 4, mostBytes: 10)];
        Assert.Equal(counts, string.Join(' ', runs.Select(run => run.GetOffsetAndLength(all.Length).Length)));
        Assert.Equal(all, runs.SelectMany(run => all[run]));
    }
}
