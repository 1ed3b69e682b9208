using System.Security.Cryptography;
using System.Text;
using Litespark.Data;
using Litespark.Data.Sources;
using Litespark.Recipes;
using Litespark.Tokenization;

namespace Litespark.Training;

/// <summary>Finds a run's tokenizer: the recipe's, the model folder's, the shards', or one trained on the text and kept for the next run.</summary>
internal static class TokenizerProvider
{
    const string FileName = "tokenizer.json";

    /// <param name="recipe">The recipe.</param>
    /// <param name="modelFolder">Folder that the weights come from, or null.</param>
    /// <param name="threads">Threads to train with.</param>
    /// <param name="status">Told what takes time.</param>
    /// <param name="cancellation">Stops the training.</param>
    /// <returns>Null for synthetic data without a tokenizer.</returns>
    public static Tokenizer? Open(Recipe recipe, string? modelFolder, int threads, Action<string> status, CancellationToken cancellation)
    {
        DataOptions data = recipe.Data;
        IReadOnlyList<DataSourceOptions> sources = data.ResolveSources();
        if (Existing(recipe, modelFolder, sources) is { } existing) return Tokenizer.Load(existing);
        return IsSynthetic(sources) ? null : TrainOrReuse(recipe, data, sources, threads, status, cancellation);
    }

    /// <summary>
    /// Vocabulary of the tokenizer that a run would use, without training one: where none was trained on this text yet, it is
    /// taken to become as large as the recipe asks.
    /// </summary>
    public static ExpectedVocabulary ExpectedSize(Recipe recipe, string? modelFolder)
    {
        IReadOnlyList<DataSourceOptions> sources = recipe.Data.ResolveSources();
        if (Existing(recipe, modelFolder, sources) is { } existing) return new(Tokenizer.Load(existing).VocabSize, IsForecast: false);
        if (IsSynthetic(sources)) return new(null, IsForecast: false);
        return Trained(recipe, sources) is { } trained ? new(Tokenizer.Load(trained).VocabSize, IsForecast: false) : new(recipe.Tokenizer.VocabSize, IsForecast: true);
    }

    /// <summary>The recipe's tokenizer file where it names one that is not there; else null.</summary>
    public static string? MissingFile(Recipe recipe)
        => recipe.Tokenizer.Path is { } path && !File.Exists(path) && !File.Exists(Path.Combine(path, FileName)) ? path : null;

    /// <summary>Trains a tokenizer on the text that a recipe names, and keeps it nowhere.</summary>
    public static Tokenizer Train(Recipe recipe, int threads, Action<DataProgress>? progress, CancellationToken cancellation)
    {
        TokenizerSection section = recipe.Tokenizer;
        long left = section.TrainBytes > 0 ? section.TrainBytes : long.MaxValue;
        IEnumerable<ReadOnlyMemory<byte>> texts = TextCorpus.ReadTraining(recipe.Data, progress).Select(document => document.Text)
            .TakeWhile(text => (left -= text.Length) + text.Length > 0);
        return BpeTrainer.Train(texts, new BpeTrainerOptions { VocabSize = section.VocabSize, SpecialTokens = section.SpecialTokens, Threads = threads }, cancellation);
    }

    /// <summary>Whether a tokenizer is the one that a model folder holds.</summary>
    public static bool IsOf(string modelFolder, Tokenizer tokenizer)
        => File.Exists(Path.Combine(modelFolder, FileName)) && Tokenizer.Load(modelFolder).Fingerprint == tokenizer.Fingerprint;

    static bool IsSynthetic(IReadOnlyList<DataSourceOptions> sources) => sources.All(source => source.Source == DataSourceKind.Synthetic);

    /// <summary>Where there is a tokenizer already: the recipe's, the model's, the shards'.</summary>
    static string? Existing(Recipe recipe, string? modelFolder, IReadOnlyList<DataSourceOptions> sources)
    {
        if (recipe.Tokenizer.Path is { } path) return path;
        if (modelFolder is not null && File.Exists(Path.Combine(modelFolder, FileName))) return modelFolder;
        return BesideShards(sources);
    }

    /// <summary>Prepared shards travel with their tokenizer: in their folder or the one above.</summary>
    static string? BesideShards(IReadOnlyList<DataSourceOptions> sources)
        => sources.Where(source => source.Source == DataSourceKind.Shards).SelectMany(source => source.Paths)
            .SelectMany(path => (string?[])[path, Path.GetDirectoryName(path)])
            .FirstOrDefault(folder => folder is not null && File.Exists(Path.Combine(folder, FileName)));

    /// <summary>Folder of a tokenizer that was trained on this text before; null where there is none, or no text.</summary>
    static string? Trained(Recipe recipe, IReadOnlyList<DataSourceOptions> sources)
    {
        try
        {
            string folder = CacheFolder(recipe.Tokenizer, recipe.Data, sources);
            return File.Exists(Path.Combine(folder, FileName)) ? folder : null;
        }
        catch (UserErrorException)
        {
            return null; // the text is not on this machine: a forecast needs none
        }
    }

    static Tokenizer TrainOrReuse(Recipe recipe, DataOptions data, IReadOnlyList<DataSourceOptions> sources, int threads, Action<string> status, CancellationToken cancellation)
    {
        TokenizerSection section = recipe.Tokenizer;
        string folder = CacheFolder(section, data, sources);
        if (File.Exists(Path.Combine(folder, FileName))) return Tokenizer.Load(folder);
        status($"training a tokenizer of {section.VocabSize} tokens on the text");
        Tokenizer trained = Train(recipe, threads, null, cancellation);
        string temporary = $"{folder}.tmp-{Environment.ProcessId}";
        try
        {
            Directory.CreateDirectory(temporary);
            trained.Save(temporary);
            if (!Directory.Exists(folder)) Directory.Move(temporary, folder);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new UserErrorException($"{folder}: cannot be written: {error.Message} Give another folder with data.cache_dir.", error);
        }
        finally
        {
            if (Directory.Exists(temporary)) Directory.Delete(temporary, recursive: true);
        }

        return trained;
    }

    static string CacheFolder(TokenizerSection section, DataOptions data, IReadOnlyList<DataSourceOptions> sources) => Path.Combine(data.CacheDir, "tokenizers", Key(section, data, sources));

    static string Key(TokenizerSection section, DataOptions data, IReadOnlyList<DataSourceOptions> sources)
    {
        var key = new StringBuilder($"{section.VocabSize}\n{section.TrainBytes}\n{string.Join('\u0001', section.SpecialTokens)}\n{data.TextField}\n{data.ValidationFraction:R} {data.Validation.Count > 0}\n");
        foreach (DataSourceOptions source in sources.Where(source => source.Source is DataSourceKind.Files or DataSourceKind.DotNetDocs))
            foreach (string file in new CorpusReader(source, data).Files)
            {
                var info = new FileInfo(file);
                key.Append($"{info.FullName}\n{info.Length} {info.LastWriteTimeUtc.Ticks}\n");
            }

        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(key.ToString())))[..20];
    }
}
