using System.Text.Json.Nodes;

namespace Litespark.Training.Sparsity;

/// <summary>Masks in JSON: an object of canonical names, each with its shape, its block and its bits.</summary>
internal static class MaskJson
{
    public static JsonObject Write(IEnumerable<BlockMask> masks)
    {
        var json = new JsonObject();
        foreach (BlockMask mask in masks)
            json[mask.Weight.Name] = new JsonObject
            {
                ["shape"] = new JsonArray(mask.Weight.Rows, mask.Weight.Columns),
                ["block"] = new JsonArray(mask.Weight.BlockRows, mask.Weight.BlockColumns),
                ["inputs_first"] = mask.Weight.InputsFirst,
                ["live"] = mask.Live,
                ["mask"] = mask.ToText(),
            };
        return json;
    }

    /// <summary>Reads masks.</summary>
    /// <param name="json">What <see cref="Write"/> gave.</param>
    /// <param name="path">Opens the message of an error.</param>
    /// <param name="expected">The weights that there must be; null = whichever there are.</param>
    /// <exception cref="UserErrorException">It is damaged, or there are other weights or blocks.</exception>
    public static IReadOnlyList<BlockMask> Read(JsonNode? json, string path, IReadOnlyList<SparseWeight>? expected = null)
    {
        BlockMask[] masks;
        try
        {
            masks = [.. json!.AsObject().Select(entry => Read(entry.Key, entry.Value!))];
        }
        catch (Exception error) when (error is NullReferenceException or InvalidOperationException or FormatException or ArgumentException or OverflowException)
        {
            throw new UserErrorException($"{path}: the masks of sparse training are not of the expected form; the file is damaged or was written by something else.", error);
        }
        if (expected is not null) Compare([.. masks.Select(mask => mask.Weight)], expected, path);
        return masks;
    }

    static BlockMask Read(string name, JsonNode json)
    {
        (int rows, int columns) = Pair(json["shape"]!);
        (int blockRows, int blockColumns) = Pair(json["block"]!);
        BlockMask mask = BlockMask.FromText(new SparseWeight(name, rows, columns, blockRows, blockColumns, (bool)json["inputs_first"]!), (string)json["mask"]!);
        return mask.Live == (int)json["live"]! ? mask : throw new FormatException($"{name}: {mask.Live} live blocks.");
    }

    static (int First, int Second) Pair(JsonNode json)
    {
        (int first, int second) = ((int)json[0]!, (int)json[1]!);
        return first > 0 && second > 0 ? (first, second) : throw new FormatException($"{first} × {second}");
    }

    static void Compare(SparseWeight[] found, IReadOnlyList<SparseWeight> expected, string path)
    {
        Dictionary<string, SparseWeight> byName = found.ToDictionary(weight => weight.Name);
        foreach (SparseWeight weight in expected)
        {
            if (!byName.Remove(weight.Name, out SparseWeight? saved))
                throw new UserErrorException($"{path}: there is no mask of {weight.Name}; resume with the keys sparsity.head, sparsity.embedding and sparsity.method that the run was begun with.");
            if ((saved.BlockRows, saved.BlockColumns) != (weight.BlockRows, weight.BlockColumns))
                throw new UserErrorException($"{path}: {weight.Name} has blocks of {saved.BlockRows} × {saved.BlockColumns}, and now {weight.BlockRows} × {weight.BlockColumns} are wanted; "
                    + $"resume with sparsity.block_rows: {saved.BlockRows} and sparsity.block_columns: {saved.BlockColumns}.");
            if (saved != weight)
                throw new UserErrorException($"{path}: the mask of {weight.Name} is for a weight of {saved.Rows} × {saved.Columns}, not {weight.Rows} × {weight.Columns}.");
        }
        if (byName.Count > 0)
            throw new UserErrorException($"{path}: there is a mask of {byName.Keys.Order(StringComparer.Ordinal).First()}, which is not sparse now; resume with the keys sparsity.head and sparsity.embedding that the run was begun with.");
    }
}
