using System.Text.Json.Nodes;

namespace Litespark.Data;

/// <summary>What the preparation of a text source counted; kept beside the shards as <c>prepared.json</c>.</summary>
public sealed record PreparedCorpus
{
    /// <summary>Files read.</summary>
    public long Files { get; init; }

    /// <summary>Documents, train and validation.</summary>
    public long Documents { get; init; }

    /// <summary>Bytes of their text.</summary>
    public long Bytes { get; init; }

    /// <summary>Tokens to train on, prefixes and end-of-text included.</summary>
    public long TrainTokens { get; init; }

    /// <summary>Tokens held out, prefixes and end-of-text included.</summary>
    public long ValidationTokens { get; init; }

    /// <summary>Documents held out.</summary>
    public long ValidationDocuments { get; init; }

    /// <summary>JSON lines skipped because they were broken.</summary>
    public long BadLines { get; init; }

    /// <summary>Where the first of them is, and what is wrong with it; null where there is none.</summary>
    public string? FirstBadLine { get; init; }

    /// <summary>Documents without text, left out.</summary>
    public long EmptyDocuments { get; init; }

    /// <summary>Documents that are not valid UTF-8; their bytes are kept.</summary>
    public long InvalidUtf8Documents { get; init; }

    /// <summary>As JSON, snake_case.</summary>
    public JsonObject ToJson() => new()
    {
        ["files"] = Files,
        ["documents"] = Documents,
        ["bytes"] = Bytes,
        ["train_tokens"] = TrainTokens,
        ["validation_tokens"] = ValidationTokens,
        ["validation_documents"] = ValidationDocuments,
        ["bad_lines"] = BadLines,
        ["first_bad_line"] = FirstBadLine,
        ["empty_documents"] = EmptyDocuments,
        ["invalid_utf8_documents"] = InvalidUtf8Documents,
    };

    /// <summary>Reads <see cref="ToJson"/>'s form; absent counts are 0.</summary>
    public static PreparedCorpus FromJson(JsonObject json)
    {
        long Get(string key) => (long?)json[key] ?? 0;
        return new PreparedCorpus
        {
            Files = Get("files"),
            Documents = Get("documents"),
            Bytes = Get("bytes"),
            TrainTokens = Get("train_tokens"),
            ValidationTokens = Get("validation_tokens"),
            ValidationDocuments = Get("validation_documents"),
            BadLines = Get("bad_lines"),
            FirstBadLine = (string?)json["first_bad_line"],
            EmptyDocuments = Get("empty_documents"),
            InvalidUtf8Documents = Get("invalid_utf8_documents"),
        };
    }
}
