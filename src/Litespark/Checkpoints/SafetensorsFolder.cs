using System.Text.Json;
using System.Text.Json.Nodes;
using Litespark.Models;

namespace Litespark.Checkpoints;

/// <summary>The weights of a model folder: one <c>model.safetensors</c>, or the shards that <c>model.safetensors.index.json</c> lists.</summary>
internal sealed class SafetensorsFolder : IDisposable
{
    /// <summary>Name of a file that holds all weights.</summary>
    public const string SingleFileName = "model.safetensors";

    /// <summary>Name of the list of shards.</summary>
    public const string IndexFileName = "model.safetensors.index.json";

    readonly List<SafetensorsReader> _readers = [];
    readonly Dictionary<string, SafetensorsReader> _byName = [];

    SafetensorsFolder() { }

    /// <summary>Names of all tensors.</summary>
    public IEnumerable<string> Names => _byName.Keys;

    /// <summary>Opens every file of a folder's weights.</summary>
    /// <exception cref="UserErrorException">There are no weights, or a file is missing or damaged.</exception>
    public static SafetensorsFolder Open(string folder)
    {
        string single = Path.Combine(folder, SingleFileName), index = Path.Combine(folder, IndexFileName);
        var opened = new SafetensorsFolder();
        try
        {
            if (File.Exists(single))
                opened.Add(single);
            else if (File.Exists(index))
                opened.AddShards(folder, index);
            else
                throw NoWeights(folder);
            return opened;
        }
        catch
        {
            opened.Dispose();
            throw;
        }
    }

    /// <summary>Opens one file.</summary>
    /// <exception cref="UserErrorException">The file is missing or damaged.</exception>
    public static SafetensorsFolder OpenFile(string path)
    {
        var opened = new SafetensorsFolder();
        opened.Add(path);
        return opened;
    }

    /// <summary>The tensor's entry; null if there is none.</summary>
    public SafetensorsEntry? Find(string name) => _byName.TryGetValue(name, out SafetensorsReader? reader) && reader.TryGet(name, out SafetensorsEntry? entry) ? entry : null;

    /// <summary>Reads a tensor as fp32, see <see cref="SafetensorsReader.Read"/>.</summary>
    public void Read(string name, Span<float> destination) => _byName[name].Read(name, destination);

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (SafetensorsReader reader in _readers)
            reader.Dispose();
    }

    SafetensorsReader Add(string path)
    {
        SafetensorsReader reader = SafetensorsReader.Open(path);
        _readers.Add(reader);
        foreach (SafetensorsEntry entry in reader.Entries)
            if (!_byName.TryAdd(entry.Name, reader))
                throw new UserErrorException($"{path}: tensor {entry.Name} is in {Path.GetFileName(_byName[entry.Name].Path)} too; one of the files does not belong here.");
        return reader;
    }

    void AddShards(string folder, string index)
    {
        if (JsonFile.Read(index)["weight_map"] is not JsonObject map)
            throw new UserErrorException($"{index}: weight_map is missing; an object of tensor names and file names is expected.");
        var shards = new Dictionary<string, SafetensorsReader>();
        foreach (var (tensor, node) in map)
        {
            string? file = node?.GetValueKind() == JsonValueKind.String ? node.GetValue<string>() : null;
            if (file == null || file != Path.GetFileName(file))
                throw new UserErrorException($"{index}: weight_map: {tensor} has no plain file name.");
            if (!shards.TryGetValue(file, out SafetensorsReader? shard))
            {
                string path = Path.Combine(folder, file);
                if (!File.Exists(path))
                    throw new UserErrorException($"{path}: this shard is missing; {IndexFileName} expects tensor {tensor} in it.");
                shards.Add(file, shard = Add(path));
            }
            if (!shard.TryGet(tensor, out _))
                throw new UserErrorException($"{shard.Path}: tensor {tensor} is missing; {IndexFileName} expects it there.");
        }
    }

    static UserErrorException NoWeights(string folder)
    {
        if (!Directory.Exists(folder))
            return new UserErrorException($"{folder}: there is no such folder.");
        string? pickled = Directory.EnumerateFiles(folder, "*.bin").Concat(Directory.EnumerateFiles(folder, "*.pt*")).FirstOrDefault();
        string hint = pickled == null ? "" : $"; {Path.GetFileName(pickled)} is pickled, which is not read: save the model with safe_serialization=True";
        return new UserErrorException($"{folder}: no weights: neither {SingleFileName} nor {IndexFileName} is there{hint}.");
    }
}
