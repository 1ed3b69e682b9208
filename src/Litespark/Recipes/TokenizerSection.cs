using Litespark.Recipes.Schema;
using static Litespark.Recipes.Schema.DefinitionsOf<Litespark.Recipes.TokenizerSection>;

namespace Litespark.Recipes;

/// <summary>The recipe's <c>tokenizer</c> section: one to load, or how to train one.</summary>
public sealed record TokenizerSection
{
    /// <summary>A <c>tokenizer.json</c> or a folder that holds one; null = train one (or the one in <c>model.path</c>).</summary>
    public string? Path { get; init; }

    /// <summary>Tokens of a trained tokenizer, special ones included.</summary>
    public int VocabSize { get; init; } = 4096;

    /// <summary>Bytes of training text to learn merges from; 0 = all.</summary>
    public long TrainBytes { get; init; } = 20_000_000;

    /// <summary>Special tokens of a trained tokenizer; the first ends a document.</summary>
    public IReadOnlyList<string> SpecialTokens { get; init; } = ["<|endoftext|>"];

    internal static readonly Definition<TokenizerSection>[] Definitions =
    [
        Key("path", Kinds.OptionalText, s => s.Path, (s, v) => s with { Path = v },
            "A tokenizer.json, or a folder that holds one; null = the one in model.path, else a byte-level BPE is trained on the training text as below."),
        Key("vocab_size", Kinds.Integer(257, 1 << 20), s => s.VocabSize, (s, v) => s with { VocabSize = v },
            "Tokens of a trained tokenizer: 256 bytes, the special tokens, the rest merges."),
        Key("train_bytes", Kinds.Long(0), s => s.TrainBytes, (s, v) => s with { TrainBytes = v },
            "Bytes of training text to learn the merges from; 0 = all of it."),
        Key("special_tokens", Kinds.ListOf(Kinds.Text, 1), s => s.SpecialTokens, (s, v) => s with { SpecialTokens = v },
            "Special tokens of a trained tokenizer; the first one ends a document."),
    ];
}
