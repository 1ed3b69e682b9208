using System.Text.Json.Nodes;

namespace Litespark.Data.Loading;

/// <summary>How far one source has been read.</summary>
/// <param name="Position">The next token.</param>
/// <param name="Rows">Rows taken from it: what mixing by weight goes by.</param>
public readonly record struct SourceState(TokenPosition Position, long Rows);

/// <summary>Where a training run stands in its data: what a checkpoint keeps of it.</summary>
/// <param name="Seed">The seed of all shuffling.</param>
/// <param name="Corpus">Identifies the corpus, so that a state is not applied to another.</param>
/// <param name="Sources">One entry per source.</param>
public sealed record LoaderState(long Seed, string Corpus, IReadOnlyList<SourceState> Sources)
{
    /// <summary>Whole passes over the data, of the source that has made the fewest.</summary>
    public long Epoch => Sources.Min(source => source.Position.Epoch);

    /// <summary>As JSON.</summary>
    public JsonObject ToJson() => new()
    {
        ["seed"] = Seed,
        ["corpus"] = Corpus,
        ["sources"] = new JsonArray([.. Sources.Select(source => new JsonObject
        {
            ["epoch"] = source.Position.Epoch,
            ["document"] = source.Position.Document,
            ["offset"] = source.Position.Offset,
            ["rows"] = source.Rows,
        })]),
    };

    /// <summary>Reads <see cref="ToJson"/>'s form.</summary>
    /// <exception cref="UserErrorException">It has another form.</exception>
    public static LoaderState FromJson(JsonNode? json)
    {
        try
        {
            return new LoaderState((long)json!["seed"]!, (string)json["corpus"]!,
            [
                .. json["sources"]!.AsArray().Select(source => new SourceState(
                    new TokenPosition((long)source!["epoch"]!, (long)source["document"]!, (long)source["offset"]!), (long)source["rows"]!)),
            ]);
        }
        catch (Exception e) when (e is NullReferenceException or InvalidOperationException or FormatException or ArgumentNullException)
        {
            throw new UserErrorException("The checkpoint's data state is not in the expected form (seed, corpus, sources with epoch, document, offset, rows).", e);
        }
    }
}
