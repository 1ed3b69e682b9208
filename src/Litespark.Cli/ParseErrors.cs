using System.CommandLine;
using System.CommandLine.Parsing;

namespace Litespark.Cli;

/// <summary>What is wrong with a command line, in one line, with the nearest right word and where to read more.</summary>
internal static class ParseErrors
{
    public static string Describe(ParseResult result)
    {
        Command command = result.CommandResult.Command;
        string path = PathOf(result.CommandResult);
        return $"{Reason(result, command, path)}\nSee '{path} --help'.";
    }

    static string Reason(ParseResult result, Command command, string path)
    {
        // An unknown option is taken for an argument by the parser, and the error then names the word after it.
        string[] options = [.. OptionNames(result.CommandResult)];
        foreach (Token token in result.Tokens)
        {
            string name = token.Value.Split('=')[0];
            if (token.Type != TokenType.Option && name.StartsWith("--", StringComparison.Ordinal) && name.Length > 2 && !options.Contains(name) && !IsOptionValue(result, token))
                return UnknownWord($"unknown option '{name}' for '{path}'", name, options);
        }
        string? unmatched = result.UnmatchedTokens.Count > 0 ? result.UnmatchedTokens[0] : null;
        if (unmatched is null && command.Subcommands.Count > 0) return $"'{path}' needs a command: {string.Join(", ", command.Subcommands.Select(verb => verb.Name))}.";
        if (unmatched is null) return LowerFirst(result.Errors[0].Message);
        if (unmatched.StartsWith('-')) return UnknownWord($"unknown option '{unmatched}' for '{path}'", unmatched, options);
        if (command.Subcommands.Count == 0) return $"'{path}' does not know what to do with '{unmatched}'";
        string[] verbs = [.. command.Subcommands.Select(verb => verb.Name)];
        return UnknownWord($"unknown command '{unmatched}' for '{path}'", unmatched, verbs) + $" Commands: {string.Join(", ", verbs)}.";
    }

    static string UnknownWord(string problem, string word, string[] known) =>
        NearestName.Of(word, known) is { } nearest ? $"{problem}; did you mean '{nearest}'?" : problem + ".";

    static bool IsOptionValue(ParseResult result, Token token) =>
        result.CommandResult.Children.OfType<OptionResult>().Any(option => option.Tokens.Any(value => ReferenceEquals(value, token)));

    static IEnumerable<string> OptionNames(CommandResult command) =>
        command.Command.Options.SelectMany(option => option.Aliases.Append(option.Name)).Where(name => name.StartsWith("--", StringComparison.Ordinal));

    static string PathOf(CommandResult command)
    {
        string name = command.Command.Name;
        return command.Parent is CommandResult parent ? PathOf(parent) + " " + name : name;
    }

    /// <summary>Sentences begin small, the names of arguments stay as they are.</summary>
    static string LowerFirst(string message) => message.Length == 0 ? "the command line is wrong"
        : message.Length > 1 && char.IsUpper(message[1]) ? message : char.ToLowerInvariant(message[0]) + message[1..];
}
