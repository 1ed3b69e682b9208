using System.Text.Json.Nodes;
using Litespark.Checkpoints;
using Litespark.Devices.Cuda;
using Litespark.Graphs;
using Litespark.Reporting;
using Litespark.Tests.Devices.Cuda.Emulation;
using Litespark.Tests.Devices.Cuda.Libraries;
using Litespark.Training;

namespace Litespark.Tests.Training;

/// <summary>Algorithms that a GPU chose by timing are state of the run: saved with it, used again where it goes on.</summary>
public sealed class ChosenAlgorithmsTests : IDisposable
{
    static readonly string[] Short = ["training.max_steps=4", "checkpoints.every_steps=2", "evaluation.every_steps=0", "training.sequence_length=16", "training.global_batch_tokens=32"];

    readonly TinyRun folder = new();

    public void Dispose() => folder.Dispose();

    [EmulatedStandInFact]
    public void A_resumed_run_goes_on_with_its_own_whatever_the_machine_has_found_since()
    {
        string cache = folder.At("algorithms.json"), run = folder.At("run");
        JsonObject saved;
        using (var gpu = new EmulatedCublasLt(cache))
        {
            Train(gpu.Device, run, stopAfter: 2);
            Assert.True(gpu.Searches > 0);
            saved = SavedAlgorithms(run);
            Assert.True(saved.Count > 0);
            Assert.True(JsonNode.DeepEquals(saved, JsonNode.Parse(File.ReadAllText(cache))));
        }

        // The checkpoint's algorithms become number 6 of the stand-in's, the machine's number 0: it is seen which of them computes.
        JsonObject ofRun = WithNumber(saved, 6);
        ChangeState(run, state => state["algorithms"] = ofRun.DeepClone());
        File.WriteAllText(cache, WithNumber(saved, 0).ToJsonString());
        var warnings = new List<string>();
        using (var gpu = new EmulatedCublasLt(cache))
        {
            Train(gpu.Device, run, resume: true, warnings: warnings);
            Assert.Equal(0, gpu.Searches);
            Assert.True(gpu.Done[6] > 0);
            Assert.Equal(gpu.Done[6], gpu.Done.Sum());
            Assert.True(JsonNode.DeepEquals(ofRun, SavedAlgorithms(run)));
        }

        Assert.Empty(warnings);
    }

    [EmulatedStandInFact]
    public void Losses_after_a_resume_are_those_of_an_undisturbed_run()
    {
        string whole = folder.At("whole"), cut = folder.At("cut");
        using (var gpu = new EmulatedCublasLt()) Train(gpu.Device, whole);
        using (var gpu = new EmulatedCublasLt()) Train(gpu.Device, cut, stopAfter: 2);
        using (var gpu = new EmulatedCublasLt()) Train(gpu.Device, cut, resume: true);
        Assert.Equal(4, TinyRun.Reproducible(whole).Length);
        Assert.Equal(TinyRun.Reproducible(whole), TinyRun.Reproducible(cut));
    }

    [EmulatedStandInTheory]
    [InlineData("cuBLASLt 130002", "cuBLASLt 120805", "were chosen for Emulated H200, cuBLASLt 120805; this is Emulated H200, cuBLASLt 130002")]
    [InlineData("1b1d7a", "000000", "no longer takes the algorithm")]
    public void What_no_longer_fits_is_timed_anew_with_a_word(string here, string there, string message)
    {
        string run = folder.At("run");
        using (var gpu = new EmulatedCublasLt()) Train(gpu.Device, run, stopAfter: 2);
        ChangeState(run, state => state["algorithms"] = JsonNode.Parse(state["algorithms"]!.ToJsonString().Replace(here, there, StringComparison.Ordinal)));
        var warnings = new List<string>();
        using (var gpu = new EmulatedCublasLt())
        {
            Train(gpu.Device, run, resume: true, warnings: warnings);
            Assert.True(gpu.Searches > 0);
        }

        Assert.Contains(warnings, warning => warning.Contains(message, StringComparison.Ordinal));
    }

    [EmulatedStandInFact]
    public void Without_the_library_own_kernels_go_on_with_a_word()
    {
        string run = folder.At("run");
        using (var gpu = new EmulatedCublasLt()) Train(gpu.Device, run, stopAfter: 2);
        var warnings = new List<string>();
        using (var gpu = new CudaDevice(new EmulatedDriver(1, 2), new EmulatedCompiler(), DataType.BFloat16))
            Train(gpu, run, resume: true, warnings: warnings);
        Assert.Contains(warnings, warning => warning.Contains("own kernels", StringComparison.Ordinal));
    }

    [EmulatedStandInFact]
    public void Damaged_ones_are_refused()
    {
        string run = folder.At("run");
        using var gpu = new EmulatedCublasLt();
        Train(gpu.Device, run, stopAfter: 2);
        ChangeState(run, state => state["algorithms"] = JsonNode.Parse("""{"a": {"algorithm": "xyz"}}"""));
        Assert.Contains("training_state.json", Assert.Throws<UserErrorException>(() => Train(gpu.Device, run, resume: true)).Message);
    }

    void Train(CudaDevice device, string run, bool resume = false, int stopAfter = int.MaxValue, List<string>? warnings = null)
    {
        using TrainingSetup setup = TrainingSetup.Open(folder.Load(Short), device.Profile, 1, _ => { });
        using var stop = new CancellationTokenSource();
        using var trainer = new Trainer(setup, device, new TrainerOptions { Run = run, Resume = resume, StopRequested = stop.Token }, new Observer(stopAfter, stop, warnings ?? []));
        trainer.Run();
    }

    static string NewestState(string run) => Path.Combine(TinyRun.Checkpoints(run)[^1], "training_state.json");

    static JsonObject SavedAlgorithms(string run) => JsonNode.Parse(File.ReadAllText(NewestState(run)))!["algorithms"]!.AsObject();

    /// <summary>The same choices with another of the stand-in's algorithms: the second of the words that make one up.</summary>
    static JsonObject WithNumber(JsonObject algorithms, int number)
    {
        JsonObject changed = algorithms.DeepClone().AsObject();
        foreach ((_, JsonNode? choice) in changed)
        {
            string bytes = (string)choice!["algorithm"]!;
            choice["algorithm"] = $"{bytes[..16]}{number:x2}{bytes[18..]}";
        }

        return changed;
    }

    /// <summary>Changes the newest checkpoint's state, and its list of checksums with it.</summary>
    static void ChangeState(string run, Action<JsonObject> change)
    {
        string path = NewestState(run);
        JsonObject state = JsonNode.Parse(File.ReadAllText(path))!.AsObject();
        change(state);
        File.WriteAllText(path, state.ToJsonString());
        string checkpoint = Path.GetDirectoryName(path)!;
        File.Delete(Path.Combine(checkpoint, CheckpointManifest.FileName));
        CheckpointManifest.Write(checkpoint, (int)state["step"]!);
    }

    sealed class Observer(int stopAfter, CancellationTokenSource stop, List<string> warnings) : ITrainingObserver
    {
        public void OnStep(in StepMetrics metrics)
        {
            if (metrics.Step == stopAfter) stop.Cancel();
        }

        public void OnWarning(string message) => warnings.Add(message);
    }
}
