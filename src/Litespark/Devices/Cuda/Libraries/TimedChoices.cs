using System.Text.Json;

namespace Litespark.Devices.Cuda.Libraries;

/// <summary>What timing chose for a problem.</summary>
/// <param name="Chosen">An algorithm, an engine.</param>
/// <param name="Milliseconds">Its median time when it was chosen; 0 where nothing was timed.</param>
/// <param name="Candidates">Among how many; 0 where nothing was timed.</param>
internal sealed record TimedChoice<T>(T Chosen, float Milliseconds, int Candidates);

/// <summary>
/// What timing chose, by GPU, library version and problem. Kept in a file for later runs, and with a run (<see cref="Export"/>,
/// <see cref="Import"/>), which then goes on with the very choices that it began with. Thread-safe.
/// </summary>
/// <param name="path">The file, or null to keep none. A file that cannot be read counts as empty, one that cannot be written is not kept.</param>
/// <param name="member">What the file calls the choice.</param>
internal abstract class TimedChoices<T>(string? path, string member)
{
    readonly Lock gate = new();
    readonly Dictionary<string, TimedChoice<T>> used = [];
    Dictionary<string, TimedChoice<T>>? kept;

    /// <summary>The choice under a key, or null. A run's own come before the file's.</summary>
    public TimedChoice<T>? Find(string key)
    {
        lock (gate)
        {
            if (used.TryGetValue(key, out TimedChoice<T>? choice)) return choice;
            kept ??= Load();
            if (kept.TryGetValue(key, out choice)) used[key] = choice;
            return choice;
        }
    }

    /// <summary>A choice for this run alone.</summary>
    public void Use(string key, TimedChoice<T> choice)
    {
        lock (gate) used[key] = choice;
    }

    /// <summary>Keeps a choice, for later runs too.</summary>
    public void Add(string key, TimedChoice<T> choice)
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
        Dictionary<string, TimedChoice<T>> ofRun = Read(json);
        lock (gate)
            foreach ((string key, TimedChoice<T> choice) in ofRun) used[key] = choice;
        return ofRun.Keys;
    }

    /// <summary>A choice as text.</summary>
    protected abstract string Text(T choice);

    /// <summary>Reads what <see cref="Text"/> wrote.</summary>
    /// <exception cref="FormatException">It is something else.</exception>
    protected abstract T Parse(string text);

    Dictionary<string, TimedChoice<T>> Load()
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

    byte[] Write(Dictionary<string, TimedChoice<T>> choices)
    {
        using var stream = new MemoryStream();
        using (var writer = new Utf8JsonWriter(stream, new JsonWriterOptions { Indented = true }))
        {
            writer.WriteStartObject();
            foreach ((string key, TimedChoice<T> choice) in choices.OrderBy(entry => entry.Key, StringComparer.Ordinal))
            {
                writer.WriteStartObject(key);
                writer.WriteString(member, Text(choice.Chosen));
                writer.WriteNumber("milliseconds", choice.Milliseconds);
                writer.WriteNumber("candidates", choice.Candidates);
                writer.WriteEndObject();
            }

            writer.WriteEndObject();
        }

        return stream.ToArray();
    }

    Dictionary<string, TimedChoice<T>> Read(ReadOnlyMemory<byte> json)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(json);
            return document.RootElement.EnumerateObject().ToDictionary(entry => entry.Name, entry => new TimedChoice<T>(
                Parse(entry.Value.GetProperty(member).GetString() ?? throw new FormatException($"{entry.Name}: no {member}")),
                entry.Value.GetProperty("milliseconds").GetSingle(), entry.Value.GetProperty("candidates").GetInt32()));
        }
        catch (Exception error) when (error is JsonException or FormatException or KeyNotFoundException or InvalidOperationException or ArgumentException)
        {
            throw new InvalidDataException($"the choices of {member}s are damaged: {error.Message}", error);
        }
    }
}
