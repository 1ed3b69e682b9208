using System.Text.Json;
using Litespark.Cli;

namespace Litespark.Tests.Cli;

/// <summary>What a command line did, run in this process.</summary>
sealed record CliRun(int Code, string Out, string Error)
{
    public static CliRun Of(params string[] args)
    {
        using var output = new StringWriter { NewLine = "\n" };
        using var error = new StringWriter { NewLine = "\n" };
        int code = CommandLine.Run(args, output, error);
        return new CliRun(code, output.ToString(), error.ToString());
    }

    /// <summary>The JSON of a run that succeeded: one line on stdout and nothing else.</summary>
    public JsonElement Json()
    {
        Assert.True(Code == 0, Error);
        Assert.Single(Out.TrimEnd('\n').Split('\n'));
        return JsonDocument.Parse(Out).RootElement;
    }

    /// <summary>Checks that the user was told what is wrong, in a few lines without a stack trace.</summary>
    public void AssertUserError(string expected)
    {
        Assert.Equal(2, Code);
        Assert.Empty(Out);
        Assert.Contains(expected, Error);
        Assert.DoesNotContain("   at ", Error);
    }
}

static class JsonShape
{
    /// <summary>Checks an object's keys, in their order.</summary>
    public static JsonElement Has(this JsonElement element, params string[] keys)
    {
        Assert.Equal(keys, element.EnumerateObject().Select(property => property.Name));
        return element;
    }

    public static double Number(this JsonElement element, string key) => element.GetProperty(key).GetDouble();
}
