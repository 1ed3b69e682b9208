using System.Text.Json;
using Litespark.Checkpoints;
using Litespark.Cli.Commands;
using Litespark.Inference;
using Litespark.Planning;
using Litespark.Recipes;
using Litespark.Training;

namespace Litespark.Cli.Handlers;

/// <summary>Carries out <c>litespark generate</c>: text streams to stdout, figures go to stderr.</summary>
internal static class GenerateHandler
{
    public static int Run(GenerateOptions options, CommandContext context) => Run(options, context, Console.In);

    internal static int Run(GenerateOptions options, CommandContext context, TextReader input)
    {
        var settings = new GenerationOptions
        {
            MaxNewTokens = options.MaxNewTokens,
            Stop = options.Stop,
            Sampling = new SamplingOptions
            {
                Temperature = options.Temperature,
                TopK = options.TopK,
                TopP = options.TopP,
                Seed = options.Seed ?? Random.Shared.Next(),
            },
        };
        settings.Validate();
        LoadedModel model = LoadedModel.Open(options.Checkpoint);
        foreach (PassedOverCheckpoint passed in model.PassedOver) context.Progress.WriteLine($"passed over {passed.Path}: {passed.Reason}");
        string prompt = options.Prompt == "-" ? input.ReadToEnd() : options.Prompt;
        int[] tokens = Generator.EncodePrompt(model.Tokenizer, prompt);
        using IDevice device = Open(options.Device, context.Progress.WriteLine);
        using Generator generator = model.CreateGenerator(device, (int)Math.Min((long)tokens.Length + options.MaxNewTokens, model.Spec.MaxPositionEmbeddings));

        generator.CheckPrompt(tokens);
        // The text is the result: people read it on stdout, where a pipe finds it too.
        if (!context.Json) Write(context.Out, prompt);
        GenerationResult result = generator.Generate(tokens, settings, context.Json ? null : piece => Write(context.Out, piece), context.StopRequested);
        if (!context.Json) context.Out.WriteLine();
        Report(context.Progress, result, generator, settings.Sampling);
        context.Result(writer => WriteMembers(writer, result));
        return result.FinishReason == FinishReason.Cancelled ? ExitCodes.Interrupted : ExitCodes.Done;
    }

    static IDevice Open(string name, Action<string> notice) => DeviceSelection.Open(new EngineSection
    {
        Device = name switch { "cuda" => DeviceChoice.Cuda, "cpu" => DeviceChoice.Cpu, _ => DeviceChoice.Auto },
    }, notice);

    static void Write(TextWriter output, string text)
    {
        output.Write(text);
        output.Flush();
    }

    static void Report(TextWriter progress, GenerationResult result, Generator generator, SamplingOptions sampling)
    {
        string end = result.FinishReason switch
        {
            FinishReason.EndOfText => "the model ended the text",
            FinishReason.StopText => "a stop text came up",
            FinishReason.ContextFull => $"the model's context of {generator.Model.Capacity} tokens is full",
            FinishReason.Cancelled => "interrupted",
            _ => "--max-new-tokens reached",
        };
        string seed = sampling.Temperature > 0 ? $" · --seed {sampling.Seed}" : "";
        progress.WriteLine($"[{result.PromptTokens} prompt tokens at {result.PromptTokensPerSecond:0.#}/s · {result.Tokens.Count} new tokens at {result.TokensPerSecond:0.#}/s · {end}{seed}]");
    }

    static void WriteMembers(Utf8JsonWriter writer, GenerationResult result)
    {
        writer.WriteString("text", result.Text);
        writer.WriteNumber("tokens", result.Tokens.Count);
        writer.WriteNumber("prompt_tokens", result.PromptTokens);
        writer.WriteNumber("tokens_per_second", Math.Round(result.TokensPerSecond, 2));
        writer.WriteString("finish_reason", result.FinishReason switch
        {
            FinishReason.EndOfText => "end_of_text",
            FinishReason.StopText => "stop",
            FinishReason.ContextFull => "context_full",
            FinishReason.Cancelled => "interrupted",
            _ => "max_new_tokens",
        });
    }
}
