using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Litespark.Tests.Peers;

/// <summary>Safetensors for the exchange with the reference; apart from the library's own, so that neither vouches for itself.</summary>
internal static class PeerFile
{
    /// <summary>Reads every F64, F32 and I32 tensor of the file.</summary>
    public static Dictionary<string, PeerTensor> Read(string path)
    {
        byte[] file = File.ReadAllBytes(path);
        int headerLength = (int)BinaryPrimitives.ReadUInt64LittleEndian(file);
        using JsonDocument header = JsonDocument.Parse(file.AsMemory(8, headerLength));
        var tensors = new Dictionary<string, PeerTensor>();
        foreach (JsonProperty entry in header.RootElement.EnumerateObject())
        {
            if (entry.Name == "__metadata__") continue;
            int[] shape = [.. entry.Value.GetProperty("shape").EnumerateArray().Select(size => size.GetInt32())];
            int[] offsets = [.. entry.Value.GetProperty("data_offsets").EnumerateArray().Select(offset => offset.GetInt32())];
            ReadOnlySpan<byte> data = file.AsSpan(8 + headerLength + offsets[0], offsets[1] - offsets[0]);
            double[] values = entry.Value.GetProperty("dtype").GetString() switch
            {
                "F64" => MemoryMarshal.Cast<byte, double>(data).ToArray(),
                "F32" => Array.ConvertAll(MemoryMarshal.Cast<byte, float>(data).ToArray(), value => (double)value),
                "I32" => Array.ConvertAll(MemoryMarshal.Cast<byte, int>(data).ToArray(), value => (double)value),
                string other => throw new InvalidDataException($"{path}: {entry.Name} is {other}"),
                null => throw new InvalidDataException($"{path}: {entry.Name} has no dtype"),
            };
            tensors.Add(entry.Name, new PeerTensor(shape, values));
        }

        return tensors;
    }

    /// <summary>Writes int32 matrices [rows, columns].</summary>
    public static void Write(string path, int rows, params (string Name, int[] Values)[] tensors)
    {
        var header = new JsonObject();
        long offset = 0;
        foreach ((string name, int[] values) in tensors)
        {
            header.Add(name, new JsonObject
            {
                ["dtype"] = "I32",
                ["shape"] = new JsonArray(rows, values.Length / rows),
                ["data_offsets"] = new JsonArray(offset, offset += 4L * values.Length),
            });
        }

        byte[] json = Encoding.UTF8.GetBytes(header.ToJsonString());
        using var writer = new BinaryWriter(File.Create(path));
        writer.Write((long)json.Length);
        writer.Write(json);
        foreach ((_, int[] values) in tensors) writer.Write(MemoryMarshal.AsBytes(values.AsSpan()));
    }
}
