using System.CommandLine;

namespace Litespark.Cli.Commands;

/// <summary>Options that several commands share, and checks of their values.</summary>
internal static class Options
{
    public static Option<bool> Json() => new("--json") { Description = "Print one JSON object on stdout and nothing else; progress goes to stderr" };

    public static Option<string> Checkpoint() => new("--checkpoint")
    {
        HelpName = "PATH",
        Required = true,
        Description = "A run folder, a checkpoint in it, or a Hugging Face model folder",
    };

    /// <summary>Refuses values outside the range with a message that names it.</summary>
    public static Option<T> Within<T>(this Option<T> option, Func<T, bool> isRight, string wanted)
    {
        option.Validators.Add(result =>
        {
            if (result.Errors.Any() || result.Tokens.Count == 0) return;
            T? value = result.GetValueOrDefault<T>();
            if (value is not null && !isRight(value)) result.AddError($"{option.Name} must be {wanted}, found '{value}'");
        });
        return option;
    }
}
