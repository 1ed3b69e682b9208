using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;

namespace Litespark.Cli.Commands;

/// <summary>Options that several commands share, and checks of their values.</summary>
internal static class Options
{
    public static Option<bool> Json() => new("--json") { Description = "Print one JSON object on stdout and nothing else; progress goes to stderr" };

    public static Option<string> Checkpoint() => new Option<string>("--checkpoint")
    {
        HelpName = "PATH",
        Required = true,
        Description = "A run folder, a checkpoint in it, or a Hugging Face model folder",
    }.NotEmpty();

    /// <summary>Refuses an empty path, as a shell makes of a variable that is not set.</summary>
    public static T NotEmpty<T>(this T option) where T : Option
    {
        option.Validators.Add(result => RefuseEmpty(result, option.Name));
        return option;
    }

    /// <inheritdoc cref="NotEmpty{T}(T)"/>
    public static Argument<string> NotEmpty(this Argument<string> argument)
    {
        argument.Validators.Add(result => RefuseEmpty(result, argument.Name));
        return argument;
    }

    static void RefuseEmpty(SymbolResult result, string name)
    {
        if (result.Tokens.Any(token => string.IsNullOrWhiteSpace(token.Value))) result.AddError($"{name} must be a path, found '{result.Tokens[0].Value}'");
    }

    /// <summary>Refuses a misspelt option, which the parser would take for the argument's value.</summary>
    public static void RefuseOptions(Argument argument) => argument.Validators.Add(result =>
    {
        if (result.Tokens.FirstOrDefault(token => token.Value.StartsWith("--", StringComparison.Ordinal)) is { } option) result.AddError($"unknown option '{option.Value}'");
    });

    /// <summary>A number in a range; the message names the range, whether the value is out of it or no number at all.</summary>
    public static Option<T> Number<T>(string name, string helpName, string description, T fallback, Func<T, bool> isRight, string wanted) where T : struct, IParsable<T> =>
        new(name)
        {
            HelpName = helpName,
            Description = description,
            DefaultValueFactory = _ => fallback,
            CustomParser = result => Parse(result, name, isRight, wanted) ?? fallback,
        };

    /// <summary>As <see cref="Number{T}"/>, null where it is not given.</summary>
    public static Option<T?> OptionalNumber<T>(string name, string helpName, string description, Func<T, bool> isRight, string wanted) where T : struct, IParsable<T> =>
        new(name)
        {
            HelpName = helpName,
            Description = description,
            CustomParser = result => Parse(result, name, isRight, wanted),
        };

    static T? Parse<T>(ArgumentResult result, string name, Func<T, bool> isRight, string wanted) where T : struct, IParsable<T>
    {
        string text = result.Tokens[0].Value;
        if (T.TryParse(text, CultureInfo.InvariantCulture, out T value) && isRight(value)) return value;
        result.AddError($"{name} must be {wanted}, found '{text}'");
        return null;
    }
}
