using System.Text.Json.Nodes;

namespace Litespark.Data;

/// <summary>One bar of a length histogram: documents of more than the last bar's and up to <paramref name="MaxTokens"/> tokens.</summary>
public sealed record LengthBar(long MaxTokens, long Documents);

/// <summary>What <c>data inspect</c> found in one source.</summary>
public sealed record DataReport
{
    /// <summary>The source: its paths or its kind.</summary>
    public required string Source { get; init; }

    /// <summary>Files read.</summary>
    public required long Files { get; init; }

    /// <summary>Documents.</summary>
    public required long Documents { get; init; }

    /// <summary>Of them, held out for validation.</summary>
    public required long ValidationDocuments { get; init; }

    /// <summary>Bytes of text.</summary>
    public required long Bytes { get; init; }

    /// <summary>Tokens, every document's prefix and end-of-text included.</summary>
    public required long Tokens { get; init; }

    /// <summary>Tokens per byte of text.</summary>
    public double TokensPerByte => Bytes == 0 ? 0 : (double)Tokens / Bytes;

    /// <summary>Documents by length in tokens, in powers of two.</summary>
    public required IReadOnlyList<LengthBar> Lengths { get; init; }

    /// <summary>JSON lines skipped because they were broken.</summary>
    public long BadLines { get; init; }

    /// <summary>Where and why, for the first few.</summary>
    public IReadOnlyList<string> BadLineExamples { get; init; } = [];

    /// <summary>Documents without text, left out.</summary>
    public long EmptyDocuments { get; init; }

    /// <summary>Documents that are not valid UTF-8.</summary>
    public long InvalidUtf8Documents { get; init; }

    /// <summary>The beginning of the stream as training packs it, document boundaries made visible.</summary>
    public string Sample { get; init; } = "";

    /// <summary>As JSON, snake_case.</summary>
    public JsonObject ToJson() => new()
    {
        ["source"] = Source,
        ["files"] = Files,
        ["documents"] = Documents,
        ["validation_documents"] = ValidationDocuments,
        ["bytes"] = Bytes,
        ["tokens"] = Tokens,
        ["tokens_per_byte"] = TokensPerByte,
        ["lengths"] = new JsonArray([.. Lengths.Select(bar => new JsonObject { ["max_tokens"] = bar.MaxTokens, ["documents"] = bar.Documents })]),
        ["bad_lines"] = BadLines,
        ["bad_line_examples"] = new JsonArray([.. BadLineExamples.Select(example => JsonValue.Create(example))]),
        ["empty_documents"] = EmptyDocuments,
        ["invalid_utf8_documents"] = InvalidUtf8Documents,
        ["sample"] = Sample,
    };
}
