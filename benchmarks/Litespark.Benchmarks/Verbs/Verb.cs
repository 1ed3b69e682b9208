using System.CommandLine;
using Litespark.Benchmarks.Reporting;

namespace Litespark.Benchmarks.Verbs;

/// <summary>A command that measures and reports: what all of them share.</summary>
internal abstract class Verb : Command
{
    readonly Option<bool> json = new("--json") { Description = "Print one JSON object on stdout and nothing else" };
    readonly Option<string?> page = new("--out") { HelpName = "FILE.md", Description = "Add the result to a page, as a section of its own" };

    protected Verb(string name, string description) : base(name, description)
    {
        Add(json);
        Add(page);
        SetAction(result =>
        {
            var report = new Report(name, "benchmarks/run " + string.Join(' ', CommandLineOf(result)));
            int code = Run(result, report);
            result.InvocationConfiguration.Output.Write(result.GetValue(json) ? report.ToJson() + "\n" : report.ToText());
            if (result.GetValue(page) is { } path) report.AddTo(path);
            return code;
        });
    }

    /// <summary>Measures; returns the exit code.</summary>
    protected abstract int Run(ParseResult options, Report report);

    /// <summary>Tells what is being measured.</summary>
    internal static void Status(string text) => Console.Error.WriteLine(text);

    /// <summary>What was typed.</summary>
    static IEnumerable<string> CommandLineOf(ParseResult result) => result.Tokens.Select(token => token.Value.Contains(' ', StringComparison.Ordinal) ? $"\"{token.Value}\"" : token.Value);
}
