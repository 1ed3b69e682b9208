using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;

namespace Litespark.Cli;

/// <summary>A command whose help ends with examples, and whose action gets a <see cref="CommandContext"/>.</summary>
internal sealed class HelpfulCommand : Command
{
    public HelpfulCommand(string name, string description, params string[] examples) : base(name, description)
    {
        var help = new HelpOption("--help", "-h");
        help.Action = new HelpWithExamples((HelpAction)help.Action!, examples);
        Add(help);
    }

    /// <summary>Sets what the command does; it returns the exit code.</summary>
    public void Handle(Option<bool> json, Func<ParseResult, CommandContext, int> action) => SetAction(result =>
    {
        using var context = new CommandContext(result.InvocationConfiguration.Output, result.InvocationConfiguration.Error, result.GetValue(json));
        return action(result, context);
    });

    sealed class HelpWithExamples(HelpAction inner, string[] examples) : SynchronousCommandLineAction
    {
        public override bool ClearsParseErrors => true;

        public override int Invoke(ParseResult parseResult)
        {
            inner.Invoke(parseResult);
            TextWriter output = parseResult.InvocationConfiguration.Output;
            if (examples.Length == 0) return ExitCodes.Done;
            output.WriteLine("Examples:");
            foreach (string example in examples) output.WriteLine("  " + example);
            output.WriteLine();
            return ExitCodes.Done;
        }
    }
}
