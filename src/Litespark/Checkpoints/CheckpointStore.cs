using System.Text.Json.Nodes;
using Litespark.Models;
using Litespark.Planning;

namespace Litespark.Checkpoints;

/// <summary>A checkpoint that is newer than the one found, and why it cannot be used.</summary>
/// <param name="Path">Its folder.</param>
/// <param name="Reason">What is wrong with it.</param>
/// <param name="IsHalfWritten">Saving it was interrupted: it never was a checkpoint.</param>
public sealed record PassedOverCheckpoint(string Path, string Reason, bool IsHalfWritten);

/// <summary>The newest whole checkpoint of a run.</summary>
/// <param name="Path">Its folder; null if the run has none.</param>
/// <param name="Step">Its step; 0 if the run has none.</param>
/// <param name="PassedOver">Newer ones that are not whole, newest first.</param>
public sealed record LatestCheckpoint(string? Path, int Step, IReadOnlyList<PassedOverCheckpoint> PassedOver);

/// <summary>
/// The checkpoints of a run: <c>checkpoints/step-00000100/</c>, each whole or absent. A checkpoint is written under a temporary name,
/// flushed, listed with checksums and then renamed; whenever the process or the machine dies, the older ones are as they were.
/// One process writes to a run at a time.
/// </summary>
public sealed class CheckpointStore
{
    /// <summary>Name of the folder within a run's.</summary>
    public const string FolderName = "checkpoints";

    readonly CheckpointFolders _folders;
    readonly int _keepLast;

    /// <summary>The checkpoints of a run; nothing is made before the first save.</summary>
    /// <param name="runFolder">The run's folder.</param>
    /// <param name="keepLast">After a save only so many whole checkpoints stay; 0 = all.</param>
    public CheckpointStore(string runFolder, int keepLast = 0)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(keepLast);
        _folders = new CheckpointFolders(System.IO.Path.Combine(System.IO.Path.GetFullPath(runFolder), FolderName));
        _keepLast = keepLast;
    }

    /// <summary>The folder that holds the checkpoints.</summary>
    public string Path => _folders.Root;

    /// <summary>Writes a checkpoint, replacing one of the same step, and removes the oldest beyond the number to keep.</summary>
    /// <returns>Its folder.</returns>
    /// <exception cref="UserErrorException">The disk is full or cannot be written: older checkpoints are as they were, nothing half-written stays.</exception>
    public string Save(int step, CheckpointContents contents)
    {
        ArgumentNullException.ThrowIfNull(contents);
        return Save(step, contents.WriteTo);
    }

    /// <summary>Writes a checkpoint of any files.</summary>
    internal string Save(int step, Action<string> writeFiles)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(step);
        string saved;
        try
        {
            _folders.Recover();
            string temporary = _folders.Begin(step);
            writeFiles(temporary);
            CheckpointManifest.Write(temporary, step);
            saved = _folders.Publish(step);
        }
        catch (Exception failure)
        {
            _folders.Abandon(step);
            if (DurableFile.IsDiskFull(failure))
                throw new RunFailureException($"{Path}: the disk is full, so the checkpoint of step {step} was not saved. Older checkpoints are untouched. "
                    + "Free some space, or keep fewer checkpoints, and resume.", failure);
            if (failure is IOException or UnauthorizedAccessException)
                throw new RunFailureException($"{Path}: the checkpoint of step {step} was not saved: {failure.Message} Older checkpoints are untouched.", failure);
            throw;
        }
        _folders.Prune(_keepLast, saved);
        return saved;
    }

    /// <summary>Finds the newest checkpoint whose every byte is as it was written.</summary>
    public LatestCheckpoint FindLatest()
    {
        _folders.Recover();
        var passedOver = new List<PassedOverCheckpoint>();
        foreach (var (step, path, temporary) in _folders.NewestFirst())
        {
            string? reason = temporary ? "half-written: saving it was interrupted" : Verify(path);
            if (reason == null)
                return new LatestCheckpoint(path, step, passedOver);
            passedOver.Add(new PassedOverCheckpoint(path, reason, temporary));
        }
        return new LatestCheckpoint(null, 0, passedOver);
    }

    /// <summary>Compares every file of a checkpoint with the checksum it was written with.</summary>
    /// <returns>Null if the checkpoint is whole, else the reason.</returns>
    public static string? Verify(string path) => CheckpointManifest.Verify(path, checksums: true);

    /// <summary>Reads only <c>training_state.json</c>, to see whether the checkpoint fits before anything is loaded.</summary>
    public static JsonObject ReadState(string path) => JsonFile.Read(System.IO.Path.Combine(path, CheckpointContents.StateFileName));

    /// <summary>Restores a checkpoint.</summary>
    /// <param name="path">Its folder, as <see cref="FindLatest"/> gives it.</param>
    /// <param name="spec">The architecture that <paramref name="weights"/> was made for.</param>
    /// <param name="weights">Is filled.</param>
    /// <param name="optimizerState">Is filled.</param>
    /// <returns>The trainer's own state.</returns>
    /// <exception cref="UserErrorException">A file is missing or damaged, or its tensors are those of another model or optimiser.</exception>
    public static JsonObject Load(string path, TransformerSpec spec, ITensorStore weights, ITensorStore optimizerState)
    {
        string optimizer = System.IO.Path.Combine(path, CheckpointContents.OptimizerFileName);
        JsonObject state = ReadState(path);
        using SafetensorsFolder source = SafetensorsFolder.OpenFile(optimizer);
        HuggingFaceFolder.LoadWeights(path, spec, weights);
        TensorStoreLoader.Load(source, optimizerState, _ => [], _ => false, optimizer);
        return state;
    }

    /// <summary>The model folder that <c>--checkpoint</c> means: a run's newest whole checkpoint, a checkpoint, or a Hugging Face folder.</summary>
    /// <param name="path">Any of the three.</param>
    /// <param name="passedOver">Of a run: newer checkpoints that are not whole.</param>
    /// <exception cref="UserErrorException">There is no model there, or the checkpoint is not whole.</exception>
    public static string ResolveModelFolder(string path, out IReadOnlyList<PassedOverCheckpoint> passedOver)
    {
        passedOver = [];
        if (Directory.Exists(System.IO.Path.Combine(path, FolderName)))
        {
            LatestCheckpoint latest = new CheckpointStore(path).FindLatest();
            passedOver = latest.PassedOver;
            string reasons = string.Concat(passedOver.Select(one => $" {System.IO.Path.GetFileName(one.Path)}: {one.Reason}."));
            return latest.Path ?? throw new UserErrorException($"{path}: the run has no whole checkpoint.{reasons}");
        }
        if (File.Exists(path))
            throw new UserErrorException($"{path}: is a file; the folder of a run, a checkpoint or a Hugging Face model is expected.");
        if (!Directory.Exists(path))
            throw new UserErrorException($"{path}: there is no such folder; a run, a checkpoint or a Hugging Face model folder is expected.");
        if (File.Exists(System.IO.Path.Combine(path, CheckpointManifest.FileName)) && Verify(path) is { } damage)
            throw new UserErrorException($"{path}: the checkpoint is not whole: {damage}. Use another one, or delete {CheckpointManifest.FileName} to use it as it is.");
        if (!File.Exists(System.IO.Path.Combine(path, HuggingFaceConfig.FileName)))
            throw new UserErrorException($"{path}: holds no {HuggingFaceConfig.FileName}; a run, a checkpoint or a Hugging Face model folder is expected.");
        return path;
    }
}
