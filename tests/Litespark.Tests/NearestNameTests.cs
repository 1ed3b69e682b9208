
namespace Litespark.Tests;

public class NearestNameTests
{
    [Theory]
    [InlineData("abc", "abc", 0)]
    [InlineData("abc", "acb", 1)]
    [InlineData("abc", "", 3)]
    [InlineData("kitten", "sitting", 3)]
    public void Edits_are_counted(string a, string b, int edits)
    {
        Assert.Equal(edits, NearestName.Distance(a, b));
        Assert.Equal(edits, NearestName.Distance(b, a));
    }

    [Fact]
    public void Nothing_is_suggested_where_nothing_is_near() => Assert.Null(NearestName.Of("zzzz", ["train", "plan"]));

    [Fact]
    public void The_nearest_is_suggested() => Assert.Equal("train", NearestName.Of("tarin", ["plan", "train", "brain"]));
}
