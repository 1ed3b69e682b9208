using System.Text.Json.Nodes;
using Litespark.Checkpoints;
using Litespark.Devices.Cuda;
using Litespark.Reporting;
using Litespark.Training;

namespace Litespark.Tests.Training;

/// <summary>Short runs on a GPU, cut after some steps and taken up again, and the algorithms that their checkpoints hold.</summary>
internal sealed class AlgorithmRuns(params string[] settings) : IDisposable
{
    static readonly string[] Short = ["training.max_steps=4", "checkpoints.every_steps=2", "evaluation.every_steps=0", "training.sequence_length=16", "training.global_batch_tokens=32"];

    readonly TinyRun folder = new();

    public string At(string name) => folder.At(name);

    public void Dispose() => folder.Dispose();

    /// <summary>Trains for four steps, or fewer; returns the warnings.</summary>
    public List<string> Train(CudaDevice device, string run, bool resume = false, int stopAfter = int.MaxValue)
    {
        using TrainingSetup setup = TrainingSetup.Open(folder.Load([.. Short, .. settings]), device.Profile, 1, _ => { });
        using var stop = new CancellationTokenSource();
        var observer = new Observer(stopAfter, stop);
        using var trainer = new Trainer(setup, device, new TrainerOptions { Run = run, Resume = resume, StopRequested = stop.Token }, observer);
        trainer.Run();
        return observer.Warnings;
    }

    /// <summary>What the newest checkpoint holds of an op: <c>matrix_products</c> or <c>attention</c>.</summary>
    public static JsonObject Saved(string run, string op) => JsonNode.Parse(File.ReadAllText(NewestState(run)))!["algorithms"]![op]!.AsObject();

    /// <summary>Changes the newest checkpoint's algorithms, and its list of checksums with them.</summary>
    public static void Change(string run, Func<JsonObject, JsonNode> change)
    {
        string path = NewestState(run);
        JsonObject state = JsonNode.Parse(File.ReadAllText(path))!.AsObject();
        state["algorithms"] = change(state["algorithms"]!.AsObject()).DeepClone();
        File.WriteAllText(path, state.ToJsonString());
        string checkpoint = Path.GetDirectoryName(path)!;
        File.Delete(Path.Combine(checkpoint, CheckpointManifest.FileName));
        CheckpointManifest.Write(checkpoint, (int)state["step"]!);
    }

    /// <summary>Changes their text.</summary>
    public static void Replace(string run, string text, string by) => Change(run, algorithms =>
    {
        Assert.Contains(text, algorithms.ToJsonString(), StringComparison.Ordinal);
        return JsonNode.Parse(algorithms.ToJsonString().Replace(text, by, StringComparison.Ordinal))!;
    });

    static string NewestState(string run) => Path.Combine(TinyRun.Checkpoints(run)[^1], "training_state.json");

    sealed class Observer(int stopAfter, CancellationTokenSource stop) : ITrainingObserver
    {
        public List<string> Warnings { get; } = [];

        public void OnStep(in StepMetrics metrics)
        {
            if (metrics.Step == stopAfter) stop.Cancel();
        }

        public void OnWarning(string message) => Warnings.Add(message);
    }
}
