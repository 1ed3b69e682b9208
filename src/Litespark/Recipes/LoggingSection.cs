using Litespark.Recipes.Schema;
using static Litespark.Recipes.Schema.DefinitionsOf<Litespark.Recipes.LoggingSection>;

namespace Litespark.Recipes;

/// <summary>The recipe's <c>logging</c> section: what is shown; <c>metrics.jsonl</c> always has every step.</summary>
public sealed record LoggingSection
{
    /// <summary>Steps between progress lines where the terminal cannot redraw one.</summary>
    public int EverySteps { get; init; } = 10;

    /// <summary>Sample texts shown at the end.</summary>
    public int Samples { get; init; } = 2;

    /// <summary>Beginning of each sample; empty = the start of a document.</summary>
    public string SamplePrompt { get; init; } = "";

    /// <summary>Tokens of one sample.</summary>
    public int SampleTokens { get; init; } = 80;

    /// <summary>Temperature of the samples; 0 = the likeliest token.</summary>
    public double SampleTemperature { get; init; } = 0.8;

    internal static readonly Definition<LoggingSection>[] Definitions =
    [
        Key("every_steps", Kinds.Integer(1), s => s.EverySteps, (s, v) => s with { EverySteps = v },
            "Steps between progress lines; metrics.jsonl has every step."),
        Key("samples", Kinds.Integer(0, 100), s => s.Samples, (s, v) => s with { Samples = v },
            "Sample texts shown at the end."),
        Key("sample_prompt", Kinds.Text, s => s.SamplePrompt, (s, v) => s with { SamplePrompt = v },
            "Beginning of each sample; empty = the start of a document."),
        Key("sample_tokens", Kinds.Integer(1), s => s.SampleTokens, (s, v) => s with { SampleTokens = v },
            "Tokens of one sample."),
        Key("sample_temperature", Kinds.Number(0), s => s.SampleTemperature, (s, v) => s with { SampleTemperature = v },
            "Temperature of the samples; 0 = always the likeliest token."),
    ];
}
