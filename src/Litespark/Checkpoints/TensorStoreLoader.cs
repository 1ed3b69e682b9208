using Litespark.Planning;

namespace Litespark.Checkpoints;

/// <summary>Copies files of tensors into a store; every one has to fit before any is written.</summary>
internal static class TensorStoreLoader
{
    const int Shown = 5;

    /// <summary>Fills every tensor of <paramref name="store"/>.</summary>
    /// <param name="source">The open files.</param>
    /// <param name="store">What is filled.</param>
    /// <param name="aliases">Further names under which a tensor may be stored.</param>
    /// <param name="ignorable">Stored tensors that are no parameters.</param>
    /// <param name="where">Opens the message of an error.</param>
    /// <exception cref="UserErrorException">Names the tensors that are missing, unknown or of another shape, with the shapes found and wanted.</exception>
    public static unsafe void Load(SafetensorsFolder source, ITensorStore store, Func<string, IEnumerable<string>> aliases, Func<string, bool> ignorable, string where)
    {
        List<(TensorInfo Tensor, string StoredName)> plan = Match(source, store, aliases, ignorable, where);
        using var buffer = new NativeBuffer(plan.Count == 0 ? 0 : plan.Max(item => item.Tensor.Length) * sizeof(float));
        foreach (var (tensor, storedName) in plan)
        {
            var values = new Span<float>(buffer.Floats, checked((int)tensor.Length));
            source.Read(storedName, values);
            store.Write(tensor.Name, values);
        }
    }

    static List<(TensorInfo, string)> Match(SafetensorsFolder source, ITensorStore store, Func<string, IEnumerable<string>> aliases, Func<string, bool> ignorable, string where)
    {
        var plan = new List<(TensorInfo, string)>();
        var unused = new HashSet<string>(source.Names);
        List<string> missing = [], reshaped = [];
        foreach (TensorInfo tensor in store.Tensors)
        {
            SafetensorsEntry? entry = aliases(tensor.Name).Prepend(tensor.Name).Select(source.Find).FirstOrDefault(found => found != null);
            if (entry == null)
            {
                missing.Add($"{tensor.Name} {Text(tensor.Shape)}");
                continue;
            }
            unused.Remove(entry.Name);
            if (entry.Shape.SequenceEqual(tensor.Shape.Select(size => (long)size)))
                plan.Add((tensor, entry.Name));
            else
                reshaped.Add($"{entry.Name} is {Text(entry.Shape)}, {Text(tensor.Shape)} is wanted");
        }
        unused.RemoveWhere(name => ignorable(name));

        List<string> problems = [];
        Report(problems, "missing", missing);
        Report(problems, "of another shape", reshaped);
        Report(problems, "unknown to the model", [.. unused.Order(StringComparer.Ordinal).Select(name => $"{name} {Text(source.Find(name)!.Shape)}")]);
        return problems.Count == 0 ? plan : throw new UserErrorException($"{where}: the stored tensors do not fit the model. {string.Join(" ", problems)}");
    }

    static void Report(List<string> problems, string kind, List<string> tensors)
    {
        if (tensors.Count == 0)
            return;
        string more = tensors.Count > Shown ? $"; and {tensors.Count - Shown} more" : "";
        problems.Add($"{tensors.Count} {kind}: {string.Join("; ", tensors.Take(Shown))}{more}.");
    }

    static string Text<T>(IEnumerable<T> shape) => $"[{string.Join(", ", shape)}]";
}
