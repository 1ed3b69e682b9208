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
        if (recipe.Tokenizer.Path is { } path) return Tokenizer.Load(path);
        if (modelFolder is not null && File.Exists(Path.Combine(modelFolder, FileName))) return Tokenizer.Load(modelFolder);
        DataOptions data = recipe.Data;
        IReadOnlyList<DataSourceOptions> sources = data.ResolveSources();
        if (sources.All(source => source.Source == DataSourceKind.Synthetic)) return null;
        if (BesideShards(sources) is { } beside) return Tokenizer.Load(beside);
        return Train(recipe, data, sources, threads, status, cancellation);
    }

    /// <summary>Prepared shards travel with their tokenizer: in their folder or the one above.</summary>
    static string? BesideShards(IReadOnlyList<DataSourceOptions> sources)
        => sources.Where(source => source.Source == DataSourceKind.Shards).SelectMany(source => source.Paths)
            .SelectMany(path => (string?[])[path, Path.GetDirectoryName(path)])
            .FirstOrDefault(folder => folder is not null && File.Exists(Path.Combine(folder, FileName)));

    static Tokenizer Train(Recipe recipe, DataOptions data, IReadOnlyList<DataSourceOptions> sources, int threads, Action<string> status, CancellationToken cancellation)
    {
        TokenizerSection section = recipe.Tokenizer;
        string folder = Path.Combine(data.CacheDir, "tokenizers", Key(section, data, sources));
        if (File.Exists(Path.Combine(folder, FileName))) return Tokenizer.Load(folder);
        status($"training a tokenizer of {section.VocabSize} tokens on the text");
        long left = section.TrainBytes > 0 ? section.TrainBytes : long.MaxValue;
        IEnumerable<ReadOnlyMemory<byte>> texts = TextCorpus.ReadTraining(data).Select(document => document.Text)
            .TakeWhile(text => (left -= text.Length) + text.Length > 0);
        Tokenizer trained = BpeTrainer.Train(texts, new BpeTrainerOptions { VocabSize = section.VocabSize, SpecialTokens = section.SpecialTokens, Threads = threads }, cancellation);
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
