using System.Text.Json.Nodes;
using Litespark.Devices.Cuda;
using Litespark.Devices.Cuda.Libraries.Cudnn;
using Litespark.Graphs;
using Litespark.Tests.Devices.Cuda.Emulation;
using Litespark.Tests.Devices.Cuda.Libraries;

namespace Litespark.Tests.Training;

/// <summary>What computed attention, cuDNN by which engine or our own kernels, is state of the run.</summary>
public sealed class ChosenAttentionTests : IDisposable
{
    const int Version = 91600;

    readonly AlgorithmRuns runs = new("data.document_mask=false"); // each row is one document
    readonly string run;

    public ChosenAttentionTests() => run = runs.At("run");

    public void Dispose() => runs.Dispose();

    [EmulatedStandInFact]
    public void A_checkpoint_says_what_computed_it()
    {
        TrainBy(Version, resume: false);
        JsonObject saved = Saved();
        Assert.Equal(2, saved.Count); // attention and its gradient; layers are alike
        Assert.StartsWith("attention's gradient, 2 × 16 tokens, 4/2 heads of 8, strides ", saved.First().Key);
        Assert.All(saved, form => Assert.Equal(("Emulated H200", "cuDNN 9.16.0", "eng2_k5=4"), ((string)form.Value!["gpu"]!, (string)form.Value["by"]!, (string)form.Value["engine"]!)));
    }

    [EmulatedStandInFact]
    public void Losses_after_a_resume_are_those_of_an_undisturbed_run()
    {
        TrainBy(Version, resume: false);
        Assert.Empty(TrainBy(Version, resume: true).Warnings);
        string whole = runs.At("whole");
        using (var gpu = new Gpu(Version)) runs.Train(gpu.Device, whole);
        Assert.Equal(TinyRun.Reproducible(whole), TinyRun.Reproducible(run));
    }

    [EmulatedStandInFact]
    public void A_resumed_run_goes_on_with_its_engine_though_another_is_proposed_first()
    {
        TrainBy(Version, resume: false);
        AlgorithmRuns.Replace(run, "eng2_k5=4", "eng3_k5=6");
        using var gpu = new Gpu(Version);
        Assert.Empty(runs.Train(gpu.Device, run, resume: true));
        Assert.True(gpu.Cudnn.RunsBy(3) > 0);
        Assert.Equal(gpu.Cudnn.Runs, gpu.Cudnn.RunsBy(3));
        Assert.All(Saved(), form => Assert.Equal("eng3_k5=6", (string)form.Value!["engine"]!));
    }

    [EmulatedStandInFact]
    public void A_new_run_takes_the_fastest_engine_and_stays_with_it()
    {
        using (var gpu = new Gpu(Version))
        {
            gpu.Cudnn.Cost(3, 1);
            runs.Train(gpu.Device, run, stopAfter: 2);
        }

        Assert.All(Saved(), form => Assert.Equal("eng3_k5=6", (string)form.Value!["engine"]!));
        using var later = new Gpu(Version); // where another would be faster
        Assert.Empty(runs.Train(later.Device, run, resume: true));
        Assert.Equal((later.Cudnn.Runs, 0), (later.Cudnn.RunsBy(3), later.Cudnn.RunsBy(2)));
    }

    [EmulatedStandInFact]
    public void A_run_that_began_with_own_kernels_stays_with_them()
    {
        using (var gpu = new CudaDevice(new EmulatedDriver(1, 2), new EmulatedCompiler(), DataType.BFloat16)) runs.Train(gpu, run, stopAfter: 2);
        Assert.All(Saved(), form => Assert.Equal("own kernels", (string)form.Value!["by"]!));
        using (var gpu = new Gpu(Version))
        {
            Assert.Empty(runs.Train(gpu.Device, run, resume: true));
            Assert.Equal(0, gpu.Cudnn.Runs);
            Assert.All(gpu.Device.Notices, line => Assert.EndsWith("own kernels, which the run began with", line));
        }

        string other = runs.At("other"); // a new run is free to choose
        using (var gpu = new Gpu(Version))
        {
            runs.Train(gpu.Device, other, stopAfter: 1);
            Assert.True(gpu.Cudnn.Runs > 0);
        }
    }

    [EmulatedStandInFact]
    public void Another_version_is_said_and_kept_from_then_on()
    {
        TrainBy(Version, resume: false);
        (List<string> warnings, int done) = TrainBy(91700, resume: true);
        Assert.Equal(2, warnings.Count);
        Assert.All(warnings, warning => Assert.Contains("the run computed it by cuDNN 9.16.0 (engine eng2_k5=4) on Emulated H200, from here on it is cuDNN 9.17.0 (engine eng2_k5=4) on Emulated H200", warning));
        Assert.True(done > 0);
        Assert.All(Saved(), form => Assert.Equal("cuDNN 9.17.0", (string)form.Value!["by"]!));
    }

    [EmulatedStandInTheory]
    [InlineData("eng2_k5=4", "eng2_k5=7")] // known engine, other settings
    [InlineData("eng2_k5=4", "eng0_k5=0")] // one whose sums have no fixed order is not taken, whatever the checkpoint says
    [InlineData("eng2_k5=4", "eng1_k5=2")] // one that cannot be built
    public void An_engine_that_is_not_to_be_had_gives_way_with_a_word(string here, string there)
    {
        TrainBy(Version, resume: false);
        AlgorithmRuns.Replace(run, here, there);
        (List<string> warnings, int done) = TrainBy(Version, resume: true);
        Assert.Equal(2, warnings.Count);
        Assert.All(warnings, warning => Assert.Contains($"(engine {there}) on Emulated H200, from here on it is cuDNN 9.16.0 (engine {here})", warning));
        Assert.True(done > 0);
    }

    [EmulatedStandInFact]
    public void Without_the_library_own_kernels_go_on_and_the_reason_is_said()
    {
        TrainBy(Version, resume: false);
        using var gpu = new CudaDevice(new EmulatedDriver(1, 2), new EmulatedCompiler(), DataType.BFloat16, withoutCudnn: "LITESPARK_CUDNN=off");
        List<string> warnings = runs.Train(gpu, run, resume: true);
        Assert.Equal(2, warnings.Count);
        Assert.All(warnings, warning => Assert.EndsWith("from here on it is own kernels on Emulated H200, and results may be rounded otherwise; own kernels: LITESPARK_CUDNN=off", warning));
    }

    [EmulatedStandInFact]
    public void A_gradient_that_cuDNN_is_told_to_leave_is_said()
    {
        TrainBy(Version, resume: false);
        using var gpu = new Gpu(Version, CudnnMode.Forward);
        Assert.EndsWith("own kernels, as LITESPARK_CUDNN=forward says", Assert.Single(runs.Train(gpu.Device, run, resume: true)));
        Assert.True(gpu.Cudnn.Forward > 0);
    }

    [EmulatedStandInFact]
    public void Too_little_memory_is_said()
    {
        TrainBy(Version, resume: false);
        using var gpu = new Gpu(Version, memoryBytes: 64 << 20, scratchBytes: 8 << 20);
        List<string> warnings = runs.Train(gpu.Device, run, resume: true);
        Assert.Equal(2, warnings.Count);
        Assert.All(warnings, warning => Assert.Matches(@"own kernels: cuDNN would take 0\.01 GB of scratch memory, and 0\.0\d GB are free$", warning));
        Assert.Equal(0, gpu.Cudnn.Runs);
    }

    [EmulatedStandInFact]
    public void Another_GPU_is_said_of_own_kernels_too()
    {
        using (var gpu = new CudaDevice(new EmulatedDriver(1, 2), new EmulatedCompiler(), DataType.BFloat16)) runs.Train(gpu, run, stopAfter: 2);
        AlgorithmRuns.Replace(run, "Emulated H200", "Emulated A100");
        using (var gpu = new CudaDevice(new EmulatedDriver(1, 2), new EmulatedCompiler(), DataType.BFloat16))
            Assert.All(runs.Train(gpu, run, resume: true), warning => Assert.Contains("by own kernels on Emulated A100, from here on it is own kernels on Emulated H200", warning));
    }

    JsonObject Saved() => AlgorithmRuns.Saved(run, "attention");

    /// <summary>Two steps by a version of cuDNN, or the two that are left.</summary>
    (List<string> Warnings, int Done) TrainBy(int version, bool resume)
    {
        using var gpu = new Gpu(version);
        return (runs.Train(gpu.Device, run, resume, stopAfter: resume ? int.MaxValue : 2), gpu.Cudnn.Runs);
    }

    /// <summary>An emulated GPU with the stand-in of cuDNN.</summary>
    sealed class Gpu : IDisposable
    {
        public Gpu(int version, CudnnMode mode = CudnnMode.On, long memoryBytes = 1L << 30, long scratchBytes = 4096)
        {
            var driver = new EmulatedDriver(seed: 1, multiprocessors: 2, memoryBytes: memoryBytes);
            Cudnn = new StandInCudnn(driver, version, scratchBytes);
            Device = new CudaDevice(driver, new EmulatedCompiler(), DataType.BFloat16, cudnn: new CudnnContext(Cudnn.Library, driver, mode));
        }

        public StandInCudnn Cudnn { get; }

        public CudaDevice Device { get; }

        public void Dispose()
        {
            Device.Dispose();
            Cudnn.Dispose();
        }
    }
}
