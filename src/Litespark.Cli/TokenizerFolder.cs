using Litespark.Checkpoints;

namespace Litespark.Cli;

/// <summary>Where the tokenizer is that a path on the command line means.</summary>
internal static class TokenizerFolder
{
    /// <summary>A run stands for its newest checkpoint; all else for itself.</summary>
    public static string Resolve(string path) =>
        Directory.Exists(Path.Combine(path, CheckpointStore.FolderName)) ? CheckpointStore.ResolveModelFolder(path, out _) : path;
}
