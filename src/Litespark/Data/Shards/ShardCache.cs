using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Litespark.Data.Sources;
using Litespark.Tokenization;

namespace Litespark.Data.Shards;

/// <summary>
/// Keeps tokenised corpora: <c>CACHE_DIR/tokens/KEY/</c>, where the key covers all that the tokens depend on. A folder
/// appears under its name only when it is complete.
/// </summary>
internal static class ShardCache
{
    /// <summary>To be raised whenever the text taken from a source, or its tokenisation, changes.</summary>
    const int ReaderVersion = 1;

    /// <summary>The shards of a text source, made now if they are not there yet.</summary>
    public static (PreparedCorpus Prepared, List<string> Shards) GetOrPrepare(
        DataSourceOptions source, DataOptions options, double fraction, ITextEncoder encoder, int threads,
        Action<DataProgress>? progress, CancellationToken cancellation)
    {
        CorpusReader reader = new(source, options);
        string root = Path.Combine(options.CacheDir, "tokens");
        string folder = Path.Combine(root, Key(reader, options, fraction, encoder));
        string temporary = $"{folder}.tmp-{Guid.NewGuid():N}";
        try
        {
            if (TryOpen(folder, encoder) is { } cached) return cached;
            RemoveStale(root);
            ShardPreparer.PrepareSource(source, options, fraction, encoder, temporary, threads, progress, cancellation);
            try
            {
                Directory.Move(temporary, folder);
            }
            catch (IOException) when (TryOpen(folder, encoder) is not null)
            {
                // Another run has just made the same: theirs is as good.
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new UserErrorException($"{root}: cannot be written: {e.Message} Give another folder with data.cache_dir.", e);
        }
        finally
        {
            if (Directory.Exists(temporary)) Directory.Delete(temporary, recursive: true);
        }
        return TryOpen(folder, encoder) ?? throw new UserErrorException($"{folder}: the shards just written cannot be read back; check the disk, or give another data.cache_dir.");
    }

    /// <summary>A complete, undamaged folder; a damaged one is removed, to be made again.</summary>
    static (PreparedCorpus, List<string>)? TryOpen(string folder, ITextEncoder encoder)
    {
        string report = Path.Combine(folder, ShardFolder.Report);
        if (!File.Exists(report)) return null;
        try
        {
            PreparedCorpus prepared = PreparedCorpus.FromJson(JsonNode.Parse(File.ReadAllText(report))!.AsObject());
            List<string> shards = [.. Directory.EnumerateFiles(folder, "*" + ShardHeader.Extension).Order(StringComparer.Ordinal)];
            using TokenShards opened = TokenShards.Open(shards, encoder, verify: true);
            if (opened.Tokens == prepared.TrainTokens + prepared.ValidationTokens) return (prepared, shards);
        }
        catch (Exception e) when (e is UserErrorException or JsonException or InvalidOperationException)
        {
            // Falls through.
        }
        Directory.Delete(folder, recursive: true);
        return null;
    }

    /// <summary>Removes what killed runs left behind, once it is a day old.</summary>
    static void RemoveStale(string root)
    {
        if (!Directory.Exists(root)) return;
        foreach (string folder in Directory.EnumerateDirectories(root, "*.tmp-*"))
            if (Directory.GetLastWriteTimeUtc(folder) < DateTime.UtcNow.AddDays(-1)) Directory.Delete(folder, recursive: true);
    }

    static string Key(CorpusReader reader, DataOptions options, double fraction, ITextEncoder encoder)
    {
        StringBuilder key = new();
        key.Append($"{ReaderVersion}\n{encoder.Fingerprint}\n{encoder.VocabSize} {string.Join(' ', [encoder.EndOfTextId, .. encoder.DocumentPrefix])}\n");
        key.Append($"{options.TextField}\n{options.MaxBadLines} {options.ShardTokens} {fraction:R}\n");
        foreach (string file in reader.Files)
        {
            FileInfo info = new(file);
            key.Append($"{info.FullName}\n{info.Length} {info.LastWriteTimeUtc.Ticks}\n");
        }
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(key.ToString())))[..20];
    }
}
