using System.Runtime.InteropServices;
using System.Text.Json;

namespace Litespark.Devices.Cuda.Libraries.CublasLt;

/// <summary>An algorithm that was chosen by timing.</summary>
/// <param name="Algorithm">The library's bytes for it.</param>
/// <param name="Milliseconds">Median time of a product when it was chosen; 0 where nothing was timed.</param>
/// <param name="Candidates">Among how many; 0 where nothing was timed.</param>
internal sealed record MatmulChoice(Algorithm Algorithm, float Milliseconds, int Candidates);

/// <summary>
/// Algorithms chosen by timing, by GPU, library version and problem. Kept in a file for later runs, and with a run
/// (<see cref="Export"/>, <see cref="Import"/>), which then goes on with the very algorithms that it began with. Thread-safe.
/// </summary>
/// <param name="path">The file, or null to keep none. A file that cannot be read counts as empty, one that cannot be written is not kept.</param>
internal sealed class MatmulChoices(string? path = null)
{
    readonly Lock gate = new();
    readonly Dictionary<string, MatmulChoice> used = [];
    Dictionary<string, MatmulChoice>? kept;

    /// <summary>Name of the file beside the compiled kernels.</summary>
    public const string FileName = "matmul-algorithms.json";

    /// <summary>The choice under a key, or null. A run's own come before the file's.</summary>
    public MatmulChoice? Find(string key)
    {
        lock (gate)
        {
            if (used.TryGetValue(key, out MatmulChoice? choice)) return choice;
            kept ??= Load();
            if (kept.TryGetValue(key, out choice)) used[key] = choice;
            return choice;
        }
    }

    /// <summary>A choice for this run alone.</summary>
    public void Use(string key, MatmulChoice choice)
    {
        lock (gate) used[key] = choice;
    }

    /// <summary>Keeps a choice, for later runs too.</summary>
    public void Add(string key, MatmulChoice choice)
    {
        lock (gate)
        {
            used[key] = choice;
            if (path is null) return;
            kept = Load(); // another process may have written meanwhile
            kept[key] = choice;
            Save();
        }
    }

    /// <summary>The choices that this run uses, as JSON.</summary>
    public byte[] Export()
    {
        lock (gate) return Write(used);
    }

    /// <summary>Takes over the choices of a run.</summary>
    /// <returns>Their keys.</returns>
    /// <exception cref="InvalidDataException">That is not what <see cref="Export"/> wrote.</exception>
    public IReadOnlyCollection<string> Import(ReadOnlyMemory<byte> json)
    {
        Dictionary<string, MatmulChoice> ofRun = Read(json);
        lock (gate)
            foreach ((string key, MatmulChoice choice) in ofRun) used[key] = choice;
        return ofRun.Keys;
    }

    Dictionary<string, MatmulChoice> Load()
    {
        try
        {
            return path is not null && File.Exists(path) ? Read(File.ReadAllBytes(path)) : [];
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or InvalidDataException)
        {
            return [];
        }
    }

    void Save()
    {
        string temporary = $"{path}.{Guid.NewGuid():N}";
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(path!))!);
            File.WriteAllBytes(temporary, Write(kept!));
            File.Move(temporary, path!, overwrite: true);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // Not kept: later runs time again.
        }
    }

    static byte[] Write(Dictionary<string, MatmulChoice> choices)
    {
        using var stream = new MemoryStream();
        using (var writer = new Utf8JsonWriter(stream, new JsonWriterOptions { Indented = true }))
        {
            writer.WriteStartObject();
            foreach ((string key, MatmulChoice choice) in choices.OrderBy(entry => entry.Key, StringComparer.Ordinal))
            {
                Algorithm algorithm = choice.Algorithm;
                Span<ulong> words = algorithm;
                writer.WriteStartObject(key);
                writer.WriteString("algorithm", Convert.ToHexStringLower(MemoryMarshal.AsBytes(words)));
                writer.WriteNumber("milliseconds", choice.Milliseconds);
                writer.WriteNumber("candidates", choice.Candidates);
                writer.WriteEndObject();
            }

            writer.WriteEndObject();
        }

        return stream.ToArray();
    }

    static Dictionary<string, MatmulChoice> Read(ReadOnlyMemory<byte> json)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(json);
            var choices = new Dictionary<string, MatmulChoice>();
            foreach (JsonProperty entry in document.RootElement.EnumerateObject())
            {
                Algorithm algorithm = default;
                Span<ulong> words = algorithm;
                byte[] bytes = Convert.FromHexString(entry.Value.GetProperty("algorithm").GetString()!);
                Span<byte> whole = MemoryMarshal.AsBytes(words);
                if (bytes.Length != whole.Length) throw new FormatException($"{entry.Name}: an algorithm has {whole.Length} bytes, not {bytes.Length}");
                bytes.CopyTo(whole);
                choices[entry.Name] = new MatmulChoice(algorithm, entry.Value.GetProperty("milliseconds").GetSingle(), entry.Value.GetProperty("candidates").GetInt32());
            }

            return choices;
        }
        catch (Exception error) when (error is JsonException or FormatException or KeyNotFoundException or InvalidOperationException or ArgumentException)
        {
            throw new InvalidDataException($"the choices of matrix-product algorithms are damaged: {error.Message}", error);
        }
    }
}
