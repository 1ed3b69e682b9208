namespace Litespark.Inference;

/// <summary>How a text is continued.</summary>
public sealed record GenerationOptions
{
    /// <summary>Tokens to add at most.</summary>
    public int MaxNewTokens { get; init; } = 200;

    /// <summary>How each token is chosen.</summary>
    public SamplingOptions Sampling { get; init; } = new();

    /// <summary>Texts at which generation ends; they are not part of the result.</summary>
    public IReadOnlyList<string> Stop { get; init; } = [];

    /// <summary>Checks the values.</summary>
    /// <exception cref="UserErrorException">Names the value and what would be right.</exception>
    public void Validate()
    {
        if (MaxNewTokens < 1) throw new UserErrorException($"max_new_tokens is {MaxNewTokens}: it must be 1 or more.");
        if (Stop.Any(string.IsNullOrEmpty)) throw new UserErrorException("stop holds an empty text, which is everywhere: give the text to end at, or none.");
        Sampling.Validate();
    }
}

/// <summary>Why a generated text ended.</summary>
public enum FinishReason
{
    /// <summary>The model gave the token that ends a text.</summary>
    EndOfText,

    /// <summary>A stop text came up.</summary>
    StopText,

    /// <summary>As many tokens as were asked for.</summary>
    MaxNewTokens,

    /// <summary>The model's context is full.</summary>
    ContextFull,

    /// <summary>The caller asked for it.</summary>
    Cancelled,
}

/// <summary>A generated text.</summary>
/// <param name="Text">The new text, without the prompt and without the stop text.</param>
/// <param name="Tokens">The new tokens, the one that ended the text included.</param>
/// <param name="PromptTokens">Tokens of the prompt.</param>
/// <param name="FinishReason">Why it ended.</param>
/// <param name="PrefillSeconds">Time that the prompt took.</param>
/// <param name="DecodeSeconds">Time that the tokens after the first new one took; the first is read off the prompt's last.</param>
public sealed record GenerationResult(
    string Text, IReadOnlyList<int> Tokens, int PromptTokens, FinishReason FinishReason, double PrefillSeconds, double DecodeSeconds)
{
    /// <summary>Prompt tokens per second.</summary>
    public double PromptTokensPerSecond => PrefillSeconds > 0 ? PromptTokens / PrefillSeconds : 0;

    /// <summary>New tokens per second, one at a time; 0 where there is only one.</summary>
    public double TokensPerSecond => DecodeSeconds > 0 && Tokens.Count > 1 ? (Tokens.Count - 1) / DecodeSeconds : 0;
}
