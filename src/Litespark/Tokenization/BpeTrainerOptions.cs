using Litespark.Tokenization.Pipeline;

namespace Litespark.Tokenization;

/// <summary>How <see cref="BpeTrainer"/> builds a vocabulary.</summary>
public sealed record BpeTrainerOptions
{
    /// <summary>
    /// Words in any letter case with one leading space or sign, numbers in groups of at most three digits, runs of signs, line breaks,
    /// white space: the pattern that GPT-4 and Llama 3 made common.
    /// </summary>
    public const string DefaultPattern = GptScanner.Llama3Pattern;

    /// <summary>
    /// Tokens in all: 256 bytes, merges, special tokens. Fewer come out where the documents don't hold enough frequent pairs.
    /// </summary>
    public int VocabSize { get; init; } = 32_000;

    /// <summary>Special tokens; they get the last ids, in this order.</summary>
    public IReadOnlyList<string> SpecialTokens { get; init; } = ["<|endoftext|>"];

    /// <summary>Which special token ends a document; null: the first.</summary>
    public string? EndOfText { get; init; }

    /// <summary>Which special token begins a document and is put before every text; null: none.</summary>
    public string? BeginOfText { get; init; }

    /// <summary>The regular expression that cuts text into words; no token reaches over two of them.</summary>
    public string Pattern { get; init; } = DefaultPattern;

    /// <summary>A pair that occurs less often is never merged.</summary>
    public long MinFrequency { get; init; } = 2;

    /// <summary>The longest token, in bytes.</summary>
    public int MaxTokenBytes { get; init; } = 128;

    /// <summary>Written to tokenizer_config.json as the longest text in tokens; null: not written.</summary>
    public int? ModelMaxLength { get; init; }

    /// <summary>Threads that count words; the result doesn't depend on it.</summary>
    public int Threads { get; init; } = Environment.ProcessorCount;

    /// <summary>The token that ends a document.</summary>
    internal string EndToken => EndOfText ?? SpecialTokens[0];

    internal void Check()
    {
        if (SpecialTokens.Count == 0)
            throw new UserErrorException("special_tokens is empty; at least the token that ends a document is needed, such as <|endoftext|>");
        if (SpecialTokens.Any(string.IsNullOrEmpty) || SpecialTokens.Distinct().Count() != SpecialTokens.Count)
            throw new UserErrorException("special_tokens holds an empty or a repeated token; every one must be unique");
        foreach (string name in ((string?[])[EndOfText, BeginOfText]).OfType<string>())
        {
            if (!SpecialTokens.Contains(name))
                throw new UserErrorException($"the token {name} is not among special_tokens ({string.Join(", ", SpecialTokens)})");
        }
        int least = 256 + SpecialTokens.Count;
        if (VocabSize < least)
            throw new UserErrorException($"vocab_size is {VocabSize}; at least {least} are needed: 256 bytes and the special tokens");
        if (MinFrequency < 1 || MaxTokenBytes < 1 || Threads < 1)
            throw new UserErrorException("min_frequency, max_token_bytes and threads must be at least 1");
    }
}
