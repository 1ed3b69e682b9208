namespace Litespark.Data;

/// <summary>Where a corpus comes from: <c>data.source</c>.</summary>
public enum DataSourceKind
{
    /// <summary><c>dotnet-docs</c>: the English API documentation that the installed .NET SDK carries.</summary>
    DotNetDocs,

    /// <summary><c>files</c>: text files, by path, folder or glob.</summary>
    Files,

    /// <summary><c>shards</c>: prepared token shards, by path, folder or glob; needs no text and no SDK.</summary>
    Shards,

    /// <summary><c>synthetic</c>: random tokens, for benchmarks and tests.</summary>
    Synthetic,
}

/// <summary>The spelling of <see cref="DataSourceKind"/> in recipes.</summary>
public static class DataSourceKinds
{
    /// <summary>The recipe's words, in the order of the enumeration.</summary>
    public static IReadOnlyList<string> Names { get; } = ["dotnet-docs", "files", "shards", "synthetic"];

    /// <summary>The recipe's word for <paramref name="kind"/>.</summary>
    public static string ToName(DataSourceKind kind) => Names[(int)kind];

    /// <summary>The kind of that name.</summary>
    /// <exception cref="UserErrorException">No such kind.</exception>
    public static DataSourceKind Parse(string name)
    {
        for (int i = 0; i < Names.Count; i++)
            if (Names[i] == name) return (DataSourceKind)i;
        throw new UserErrorException($"data.source: '{name}' is not known; use one of {string.Join(", ", Names)}.");
    }
}
