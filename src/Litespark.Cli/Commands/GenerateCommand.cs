using System.CommandLine;

namespace Litespark.Cli.Commands;

/// <summary>What <c>generate</c> was asked to do.</summary>
/// <param name="Checkpoint">Run, checkpoint or Hugging Face folder.</param>
/// <param name="Prompt">Beginning of the text; - = read from stdin; empty = the start of a document.</param>
/// <param name="MaxNewTokens">Tokens to add at most.</param>
/// <param name="Temperature">0 = always the likeliest token.</param>
/// <param name="TopK">Draw among this many likeliest tokens; 0 = all.</param>
/// <param name="TopP">Draw among the likeliest tokens that together have this probability.</param>
/// <param name="Seed">Seed of the draws; null = another one each time.</param>
/// <param name="Stop">Texts at which generation ends.</param>
/// <param name="Device">cpu, cuda or auto.</param>
internal sealed record GenerateOptions(
    string Checkpoint, string Prompt, int MaxNewTokens, double Temperature, int TopK, double TopP, int? Seed, IReadOnlyList<string> Stop, string Device);

/// <summary><c>generate --checkpoint PATH [--prompt …] [--max-new-tokens …] …</c>.</summary>
internal static class GenerateCommand
{
    public static Command Create(Func<GenerateOptions, CommandContext, int> handler)
    {
        var command = new HelpfulCommand("generate", "Continue a text with a trained model.",
            "litespark generate --checkpoint runs/my --prompt \"Returns the\"",
            "litespark generate --checkpoint runs/my --prompt \"Returns the\" --temperature 0 --max-new-tokens 50 --json");
        Option<string> checkpoint = Options.Checkpoint();
        var prompt = new Option<string>("--prompt") { HelpName = "TEXT", Description = "Beginning of the text, - to read it from stdin; without it the start of a document", DefaultValueFactory = _ => "" };
        Option<int> tokens = Options.Number("--max-new-tokens", "N", "Tokens to add at most", 200, n => n >= 1, "a whole number, 1 or more");
        Option<double> temperature = Options.Number("--temperature", "T", "Below 1 plainer, above 1 wilder, 0 always the likeliest token", 0.8, t => t >= 0 && double.IsFinite(t), "a number, 0 or more");
        Option<int> topK = Options.Number("--top-k", "K", "Draw among the K likeliest tokens; 0 = all", 0, k => k >= 0, "a whole number, 0 or more");
        Option<double> topP = Options.Number("--top-p", "P", "Draw among the likeliest tokens that together have probability P", 1.0, p => p is > 0 and <= 1, "a number above 0 and at most 1");
        Option<int?> seed = Options.OptionalNumber<int>("--seed", "N", "Seed of the draws: the same seed gives the same text", n => n >= 0, "a whole number, 0 or more");
        var stop = new Option<string[]>("--stop") { HelpName = "TEXT", Description = "End at this text; may be repeated" };
        var device = new Option<string>("--device") { HelpName = "cpu|cuda|auto", Description = "Where to run", DefaultValueFactory = _ => "auto" };
        device.AcceptOnlyFromAmong("cpu", "cuda", "auto");
        Option<bool> json = Options.Json();
        foreach (Option option in new Option[] { checkpoint, prompt, tokens, temperature, topK, topP, seed, stop, device, json }) command.Add(option);
        command.Handle(json, (result, context) => handler(new GenerateOptions(
            result.GetRequiredValue(checkpoint), result.GetValue(prompt) ?? "", result.GetValue(tokens), result.GetValue(temperature), result.GetValue(topK),
            result.GetValue(topP), result.GetValue(seed), result.GetValue(stop) ?? [], result.GetValue(device) ?? "auto"), context));
        return command;
    }
}
