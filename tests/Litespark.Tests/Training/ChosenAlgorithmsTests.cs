using System.Text.Json.Nodes;
using Litespark.Devices.Cuda;
using Litespark.Graphs;
using Litespark.Tests.Devices.Cuda.Emulation;
using Litespark.Tests.Devices.Cuda.Libraries;

namespace Litespark.Tests.Training;

/// <summary>Algorithms that a GPU chose by timing are state of the run: saved with it, used again where it goes on.</summary>
public sealed class ChosenAlgorithmsTests : IDisposable
{
    const string Products = "matrix_products";

    readonly AlgorithmRuns runs = new();

    public void Dispose() => runs.Dispose();

    [EmulatedStandInFact]
    public void A_resumed_run_goes_on_with_its_own_whatever_the_machine_has_found_since()
    {
        string cache = runs.At("algorithms.json"), run = runs.At("run");
        JsonObject saved;
        using (var gpu = new EmulatedCublasLt(cache))
        {
            runs.Train(gpu.Device, run, stopAfter: 2);
            Assert.True(gpu.Searches > 0);
            saved = AlgorithmRuns.Saved(run, Products);
            Assert.True(saved.Count > 0);
            Assert.True(JsonNode.DeepEquals(saved, JsonNode.Parse(File.ReadAllText(cache))));
        }

        // The checkpoint's algorithms become number 6 of the stand-in's, the machine's number 0: it is seen which of them computes.
        JsonObject ofRun = WithNumber(saved, 6);
        AlgorithmRuns.Change(run, algorithms =>
        {
            algorithms[Products] = ofRun.DeepClone();
            return algorithms;
        });
        File.WriteAllText(cache, WithNumber(saved, 0).ToJsonString());
        using (var gpu = new EmulatedCublasLt(cache))
        {
            Assert.Empty(runs.Train(gpu.Device, run, resume: true));
            Assert.Equal(0, gpu.Searches);
            Assert.True(gpu.Done[6] > 0);
            Assert.Equal(gpu.Done[6], gpu.Done.Sum());
            Assert.True(JsonNode.DeepEquals(ofRun, AlgorithmRuns.Saved(run, Products)));
        }
    }

    [EmulatedStandInFact]
    public void Losses_after_a_resume_are_those_of_an_undisturbed_run()
    {
        string whole = runs.At("whole"), cut = runs.At("cut");
        using (var gpu = new EmulatedCublasLt()) runs.Train(gpu.Device, whole);
        using (var gpu = new EmulatedCublasLt()) runs.Train(gpu.Device, cut, stopAfter: 2);
        using (var gpu = new EmulatedCublasLt()) runs.Train(gpu.Device, cut, resume: true);
        Assert.Equal(4, TinyRun.Reproducible(whole).Length);
        Assert.Equal(TinyRun.Reproducible(whole), TinyRun.Reproducible(cut));
    }

    [EmulatedStandInTheory]
    [InlineData("cuBLASLt 130002", "cuBLASLt 120805", "were chosen for Emulated H200, cuBLASLt 120805; this is Emulated H200, cuBLASLt 130002")]
    [InlineData("1b1d7a", "000000", "no longer takes the algorithm")]
    public void What_no_longer_fits_is_timed_anew_with_a_word(string here, string there, string message)
    {
        string run = runs.At("run");
        using (var gpu = new EmulatedCublasLt()) runs.Train(gpu.Device, run, stopAfter: 2);
        AlgorithmRuns.Replace(run, here, there);
        using (var gpu = new EmulatedCublasLt())
        {
            Assert.Contains(runs.Train(gpu.Device, run, resume: true), warning => warning.Contains(message, StringComparison.Ordinal));
            Assert.True(gpu.Searches > 0);
        }
    }

    [EmulatedStandInFact]
    public void Without_the_library_own_kernels_go_on_with_a_word_and_with_it_again_likewise()
    {
        string run = runs.At("run");
        using (var gpu = new EmulatedCublasLt()) runs.Train(gpu.Device, run, stopAfter: 1);
        using (var gpu = new CudaDevice(new EmulatedDriver(1, 2), new EmulatedCompiler(), DataType.BFloat16))
            Assert.Contains("own kernels do it now", Assert.Single(runs.Train(gpu, run, resume: true, stopAfter: 2)));
        using (var gpu = new EmulatedCublasLt())
            Assert.Contains("by own kernels, as there was no cuBLASLt", Assert.Single(runs.Train(gpu.Device, run, resume: true)));
    }

    /// <summary>Before attention was chosen, a checkpoint's algorithms were the products' alone.</summary>
    [EmulatedStandInFact]
    public void Those_of_an_older_checkpoint_are_the_products()
    {
        string run = runs.At("run");
        using (var gpu = new EmulatedCublasLt()) runs.Train(gpu.Device, run, stopAfter: 2);
        JsonObject saved = AlgorithmRuns.Saved(run, Products);
        AlgorithmRuns.Change(run, algorithms => algorithms[Products]!);
        using (var gpu = new EmulatedCublasLt())
        {
            Assert.Contains("older than the choice of what computes attention", Assert.Single(runs.Train(gpu.Device, run, resume: true)));
            Assert.Equal(0, gpu.Searches);
            Assert.True(JsonNode.DeepEquals(saved, AlgorithmRuns.Saved(run, Products)));
        }
    }

    [EmulatedStandInTheory]
    [InlineData("""{"matrix_products": {"a": {"algorithm": "xyz"}}, "attention": {}}""")]
    [InlineData("""{"matrix_products": null, "attention": {"a": {"gpu": "x"}}}""")]
    [InlineData("""{"matrix_products": [], "attention": {}}""")]
    [InlineData("""{"a": {"algorithm": "xyz"}}""")]
    public void Damaged_ones_are_refused(string algorithms)
    {
        string run = runs.At("run");
        using var gpu = new EmulatedCublasLt();
        runs.Train(gpu.Device, run, stopAfter: 2);
        AlgorithmRuns.Change(run, _ => JsonNode.Parse(algorithms)!);
        Assert.Contains("training_state.json", Assert.Throws<UserErrorException>(() => runs.Train(gpu.Device, run, resume: true)).Message);
    }

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
}
