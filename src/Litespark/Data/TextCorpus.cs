using Litespark.Data.Sources;

namespace Litespark.Data;

/// <summary>The text behind a recipe's data: what a tokenizer is trained on.</summary>
public static class TextCorpus
{
    /// <summary>Bytes of text between two calls of the progress callback.</summary>
    const long ReportEvery = 1 << 20;

    /// <summary>
    /// The documents to train on, source after source, in a fixed order, read as they are enumerated; held-out ones are
    /// left out.
    /// </summary>
    /// <exception cref="UserErrorException">A source holds no text, or its files are missing or broken.</exception>
    public static IEnumerable<Document> ReadTraining(DataOptions options, Action<DataProgress>? progress = null)
    {
        CorpusSplit split = new(options.Validation.Count > 0 ? 0 : options.ValidationFraction);
        foreach (DataSourceOptions source in options.ResolveSources())
        {
            if (source.Source is DataSourceKind.Shards or DataSourceKind.Synthetic)
                throw new UserErrorException(
                    $"A tokenizer is trained on text, and source '{DataSourceKinds.ToName(source.Source)}' has none; give a trained tokenizer, or text as data.train.");
            CorpusReader reader = new(source, options);
            long reported = 0;
            foreach (Document document in reader.Read())
            {
                if (!split.IsHeldOut(CorpusSplit.Hash(document))) yield return document;
                CorpusStatistics counts = reader.Statistics;
                if (progress is null || counts.Bytes < reported + ReportEvery) continue;
                reported = counts.Bytes;
                progress(new DataProgress(reader.Name, Math.Min(1, counts.StoredBytesRead / Math.Max(1.0, reader.StoredBytes)), counts.Documents, counts.Bytes, 0));
            }
        }
    }
}
