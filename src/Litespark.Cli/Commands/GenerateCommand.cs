using System.CommandLine;

namespace Litespark.Cli.Commands;

/// <summary>What <c>generate</c> was asked to do.</summary>
/// <param name="Checkpoint">Run, checkpoint or Hugging Face folder.</param>
/// <param name="Prompt">Beginning of the text; empty = the start of a document.</param>
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
        var prompt = new Option<string>("--prompt") { HelpName = "TEXT", Description = "Beginning of the text; without it the start of a document", DefaultValueFactory = _ => "" };
        Option<int> tokens = new Option<int>("--max-new-tokens") { HelpName = "N", Description = "Tokens to add at most", DefaultValueFactory = _ => 200 }
            .Within(n => n >= 1, "1 or more");
        Option<double> temperature = new Option<double>("--temperature") { HelpName = "T", Description = "Below 1 plainer, above 1 wilder, 0 always the likeliest token", DefaultValueFactory = _ => 0.8 }
            .Within(t => t >= 0 && double.IsFinite(t), "0 or more");
        Option<int> topK = new Option<int>("--top-k") { HelpName = "K", Description = "Draw among the K likeliest tokens; 0 = all", DefaultValueFactory = _ => 0 }
            .Within(k => k >= 0, "0 or more");
        Option<double> topP = new Option<double>("--top-p") { HelpName = "P", Description = "Draw among the likeliest tokens that together have probability P", DefaultValueFactory = _ => 1 }
            .Within(p => p is > 0 and <= 1, "above 0 and at most 1");
        Option<int?> seed = new Option<int?>("--seed") { HelpName = "N", Description = "Seed of the draws: the same seed gives the same text" }
            .Within(n => n >= 0, "0 or more");
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
