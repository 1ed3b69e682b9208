using System.Text.Json;
using System.Text.Json.Nodes;

namespace Litespark.Tests;

public class JsonFaultTests
{
    static string Describe(Action parse) => JsonFault.Describe(Assert.ThrowsAny<JsonException>(parse));

    [Fact]
    public void The_parsers_own_fields_are_left_out_and_lines_count_from_1()
    {
        Assert.Equal("'x' is an invalid start of a value, line 2.", Describe(() => JsonNode.Parse("\nx")));
        string nested = Describe(() => JsonSerializer.Deserialize<Dictionary<string, int[]>>("{\"a\": [1,\n\"b\"]}"));
        Assert.EndsWith(", at a[1], line 2.", nested);
        Assert.DoesNotContain("Path:", nested);
        Assert.Equal("Odd.", JsonFault.Describe(new JsonException("Odd.")));
    }
}
