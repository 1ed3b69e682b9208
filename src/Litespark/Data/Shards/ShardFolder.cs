namespace Litespark.Data.Shards;

/// <summary>The names inside a folder of prepared shards.</summary>
internal static class ShardFolder
{
    /// <summary>Shards to train on: <c>train-00000.tokens</c>, …</summary>
    public const string Train = "train";

    /// <summary>Shards held out: <c>validation-00000.tokens</c>, …</summary>
    public const string Validation = "validation";

    /// <summary>What was counted.</summary>
    public const string Report = "prepared.json";

    /// <summary>Whether a shard is one that preparation held out.</summary>
    public static bool IsValidation(string path) => Path.GetFileName(path).StartsWith(Validation + "-", StringComparison.Ordinal);
}
