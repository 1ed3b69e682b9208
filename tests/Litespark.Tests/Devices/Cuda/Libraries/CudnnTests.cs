using Litespark.Devices.Cuda.Driver;
using Litespark.Devices.Cuda.Libraries;
using Litespark.Devices.Cuda.Libraries.Cudnn;
using Litespark.Graphs.Ops;
using Litespark.Tests.Devices.Cuda.Emulation;

namespace Litespark.Tests.Devices.Cuda.Libraries;

/// <summary>The calls into cuDNN's backend, what is asked of it, and what it is told.</summary>
public sealed class CudnnTests
{
    static readonly AttentionProblem forward = Problem(new AttentionGeometry(2, 256, 8, 2, 64)), gradient = Gradient(new AttentionGeometry(2, 256, 8, 2, 64)), small = Problem(new AttentionGeometry(1, 6, 2, 1, 8));

    static AttentionProblem Problem(AttentionGeometry g) => new(g, 0.125f, new AttentionStrides(768, 768, 768, 512));

    static AttentionProblem Gradient(AttentionGeometry g) => Problem(g) with { GradientStrides = new AttentionStrides(512, 128, 128, 512) };

    [StandInTheory]
    [InlineData(8, 8)]
    [InlineData(8, 2)]
    public void The_graphs_are_those_that_it_knows(int heads, int keyHeads)
    {
        using var driver = new EmulatedDriver();
        using var cudnn = new StandInCudnn(driver);
        using (var handle = new CudnnHandle(cudnn.Library, driver))
        {
            var g = new AttentionGeometry(2, 256, heads, keyHeads, 64);
            using (var engines = new CudnnEngines(cudnn.Library, handle, AttentionGraphs.Build(cudnn.Library, Problem(g))))
            {
                CudnnPlan plan = engines.Plans().First();
                Assert.Equal((4096, 4096), (plan.LibraryBytes, plan.ScratchBytes));
            }

            using (var engines = new CudnnEngines(cudnn.Library, handle, AttentionGraphs.Build(cudnn.Library, Gradient(g))))
            {
                CudnnPlan plan = engines.Plans().First();
                Assert.Equal(2L * 8 * 256 * 256 * 2, plan.LibraryBytes);
                Assert.Equal(plan.LibraryBytes + 2 * 8 * 256 * sizeof(float), plan.ScratchBytes); // Σ dO ∘ o of each row
            }
        }

        Assert.Equal(0, cudnn.Live);
    }

    [StandInFact]
    public void A_graph_that_it_does_not_know_is_refused_with_its_words()
    {
        using var driver = new EmulatedDriver();
        using var cudnn = new StandInCudnn(driver);
        using var handle = new CudnnHandle(cudnn.Library, driver);
        var graph = new CudnnGraph(cudnn.Library);
        CudnnTensor a = graph.Operand(CudnnData.BFloat16, [1, 1, 8, 8], [64, 64, 8, 1]), b = graph.Operand(CudnnData.BFloat16, [1, 1, 8, 8], [64, 64, 8, 1]);
        graph.Product(a, b, graph.Operand(CudnnData.BFloat16, [1, 1, 8, 8], [64, 64, 8, 1]));
        using (var engines = new CudnnEngines(cudnn.Library, handle, graph))
        {
            Assert.Empty(engines.Plans());
            Assert.Contains("1 operations are no attention", engines.Reason);
        }

        handle.Dispose();
        Assert.Equal(0, cudnn.Live);
    }

    [StandInFact]
    public void Engines_are_proposed_in_two_ways_and_built_when_they_are_asked_for()
    {
        using var driver = new EmulatedDriver();
        using (var cudnn = new StandInCudnn(driver, engines: 4, fallback: 2))
        using (var handle = new CudnnHandle(cudnn.Library, driver))
        using (var engines = new CudnnEngines(cudnn.Library, handle, AttentionGraphs.Build(cudnn.Library, small)))
        {
            Assert.Equal("eng2_k5=4", engines.Plans().First().Engine);
            Assert.Equal(1, cudnn.Plans);
            Assert.Equal(["eng2_k5=4", "eng3_k5=6", "eng4_k5=8", "eng5_k5=10"], engines.Plans().Select(plan => plan.Engine)); // the fallback's first is there already
            Assert.Same(engines.Plans().Last(), engines.Plan("eng5_k5=10"));
            Assert.Equal(4, cudnn.Plans);
            Assert.Null(engines.Plan("eng1_k5=2"));
            Assert.Contains("engine 1 is never there", engines.Reason);
            Assert.Null(engines.Plan("eng0_k5=0"));
            Assert.Equal("cuDNN does not propose eng0_k5=0 for it", engines.Reason); // sums in any order
        }

        using (var cudnn = new StandInCudnn(driver, engines: 5, fallback: 2)) // enough in the usual way
        using (var handle = new CudnnHandle(cudnn.Library, driver))
        using (var engines = new CudnnEngines(cudnn.Library, handle, AttentionGraphs.Build(cudnn.Library, small))) Assert.Equal(3, engines.Plans().Count());
    }

    [StandInTheory]
    [InlineData(4)]
    [InlineData(14)]
    public void The_fastest_engine_of_some_is_chosen_once_and_kept(int proposed)
    {
        using var driver = new EmulatedDriver();
        using var folder = new TemporaryFolder();
        using var cudnn = new StandInCudnn(driver, engines: proposed);
        cudnn.Cost(3, 1);
        cudnn.Cost(13, 0.5f); // too far behind to be tried
        string file = folder.File("cache", EngineChoices.FileName);
        AssertChosen(fits: true, "eng3_k5=6", $"the fastest of {(proposed == 4 ? 2 : 8)}");
        string text = File.ReadAllText(file);
        Assert.Contains($"\"Emulated H200, cuDNN 9.8.0: {small.Key.Replace("'", "\\u0027", StringComparison.Ordinal).Replace("×", "\\u00D7", StringComparison.Ordinal)}\": {{", text);
        Assert.Contains("\"engine\": \"eng3_k5=6\"", text);
        int runs = cudnn.Runs;
        cudnn.Cost(2, 0);
        AssertChosen(fits: true, "eng3_k5=6", "eng3_k5=6"); // from the file
        Assert.Equal(runs, cudnn.Runs);
        File.WriteAllText(file, text.Replace("eng3_k5=6", "eng1_k5=2", StringComparison.Ordinal)); // one that cannot be built
        AssertChosen(fits: true, "eng2_k5=4", "the fastest of ");
        File.Delete(file);
        AssertChosen(fits: false, "eng2_k5=4", "eng2_k5=4"); // nothing is timed that would have no room anyway
        Assert.False(File.Exists(file));

        void AssertChosen(bool fits, string engine, string outcome)
        {
            using var context = new CudnnContext(cudnn.Library, driver, choices: new EngineChoices(file));
            (CudnnPlan? plan, string said) = context.Fastest(small, _ => fits);
            Assert.Equal(engine, plan?.Engine);
            Assert.Contains(outcome, said, StringComparison.Ordinal);
        }
    }

    [StandInFact]
    public void Building_engines_ends_when_patience_does()
    {
        using var driver = new EmulatedDriver();
        using var cudnn = new StandInCudnn(driver);
        using var context = new CudnnContext(cudnn.Library, driver) { Patience = TimeSpan.Zero };
        Assert.Equal("eng2_k5=4", context.Fastest(small, _ => true).Plan?.Engine);
        Assert.Equal((1, 0), (cudnn.Plans, cudnn.Runs));
        Assert.Equal(2, context.Candidates(small, TimeSpan.MaxValue, out _).Count);
    }

    /// <summary>A search that is cut short chooses among what was built, for this run alone: a later one, with more time or its engines built, looks at all.</summary>
    [StandInFact]
    public void A_search_that_is_cut_short_holds_for_this_run_alone()
    {
        using var driver = new EmulatedDriver();
        using var folder = new TemporaryFolder();
        using var cudnn = new StandInCudnn(driver, engines: 6); // four can be built, the later the slower
        cudnn.Cost(3, 1);
        cudnn.Cost(5, 0.1f); // the last one
        string file = folder.File(EngineChoices.FileName);
        using (var hasty = Context())
        {
            (CudnnPlan? plan, string outcome) = hasty.Fastest(small, _ => true);
            Assert.Equal("eng3_k5=6", plan?.Engine);
            Assert.EndsWith("the fastest of 2", outcome);
            Assert.Equal(2, cudnn.Plans);
            Assert.False(File.Exists(file));
            int runs = cudnn.Runs;
            Assert.Equal("eng3_k5=6", hasty.Fastest(small, _ => true).Plan?.Engine); // the run stays with it
            Assert.Equal(runs, cudnn.Runs);
        }

        using (var patient = Context(seconds: 100)) Assert.EndsWith("the fastest of 4", patient.Fastest(small, _ => true).Outcome);
        Assert.Contains("eng5_k5=10", File.ReadAllText(file), StringComparison.Ordinal);
        using (var hasty = Context()) Assert.Equal("eng5_k5=10", hasty.Fastest(small, _ => true).Plan?.Engine);

        CudnnContext Context(int seconds = 1) => new(cudnn.Library, driver, choices: new EngineChoices(file)) { Patience = TimeSpan.FromSeconds(seconds), Clock = new BuildClock(cudnn) };
    }

    /// <summary>A plan takes half a second to build.</summary>
    sealed class BuildClock(StandInCudnn cudnn) : TimeProvider
    {
        public override long TimestampFrequency => 2;

        public override long GetTimestamp() => cudnn.Plans;
    }

    [StandInFact]
    public void Where_there_is_no_room_to_time_its_own_order_stands_for_this_run()
    {
        using var driver = new EmulatedDriver(memoryBytes: 64 << 20);
        using var folder = new TemporaryFolder();
        using var cudnn = new StandInCudnn(driver);
        cudnn.Cost(3, 1);
        using var context = new CudnnContext(cudnn.Library, driver, choices: new EngineChoices(folder.File(EngineChoices.FileName)));
        Assert.Equal("eng2_k5=4", context.Fastest(gradient, _ => true).Plan?.Engine);
        Assert.Equal(0, cudnn.Runs);
        Assert.False(File.Exists(folder.File(EngineChoices.FileName)));
    }

    [StandInFact]
    public void Mistakes_with_descriptors_are_said()
    {
        using var driver = new EmulatedDriver();
        using var cudnn = new StandInCudnn(driver);
        using var tensor = new CudnnDescriptor(cudnn.Library, CudnnKind.Tensor);
        Assert.Contains("cudnnBackendSetAttribute(Tensor, PlanHandle): CUDNN_STATUS_BAD_PARAM (2000): descriptors of kind 17 have no attribute 400", Assert.Throws<CudaException>(() => tensor.Set(CudnnAttribute.PlanHandle, 1)).Message);
        Assert.Contains("is of type 3, not 4", Assert.Throws<CudaException>(() => tensor.Set(CudnnAttribute.TensorUniqueId, 1f)).Message);
        Assert.Contains("has 4 to 4 values, not 3", Assert.Throws<CudaException>(() => tensor.Set(CudnnAttribute.TensorDimensions, 1, 2, 3)).Message);
        Assert.Contains("is missing", Assert.Throws<CudaException>(() => tensor.Complete()).Message);
        using var graph = new CudnnDescriptor(cudnn.Library, CudnnKind.OperationGraph);
        Assert.Contains("refers to a descriptor that is not finalized", Assert.Throws<CudaException>(() => graph.Set(CudnnAttribute.GraphOperations, tensor)).Message);
    }

    [Theory]
    [InlineData(90100, 9, null, null)]
    [InlineData(91000, 9, "9.10.2 is right", "9.10.2 is right")]
    [InlineData(91600, 7, "8.0 or later", "8.0 or later")]
    [InlineData(91600, 10, null, "same bits each time")]
    public void Versions_and_GPUs_that_are_not_asked(int version, int capability, string? why, string? whyNoGradient)
    {
        AssertRefusal(why, forward.Refusal(version, capability));
        AssertRefusal(whyNoGradient, gradient.Refusal(version, capability));
    }

    [Theory]
    [InlineData(200, 64, null, "whole 128 tokens, not 200")]
    [InlineData(256, 68, "no multiple of 8", "no multiple of 8")]
    [InlineData(256, 256, null, null)]
    [InlineData(256, 264, "wider than 256", "wider than 256")]
    [InlineData(1, 64, "one token", "one token")]
    public void Shapes_that_are_not_asked(int tokens, int width, string? why, string? whyNoGradient)
    {
        var g = new AttentionGeometry(2, tokens, 8, 2, width);
        AssertRefusal(why, Problem(g).Refusal(90800, 9));
        AssertRefusal(whyNoGradient, Gradient(g).Refusal(90800, 9));
        if (tokens == 200) Assert.Null(Gradient(g).Refusal(91600, 9));
    }

    [Fact]
    public void The_environment_says_what_it_is_used_for()
    {
        Assert.Equal(CudnnMode.On, CudnnModes.Of(_ => null));
        Assert.Equal(CudnnMode.Forward, CudnnModes.Of(name => name == "LITESPARK_CUDNN" ? "forward" : null));
        Assert.Equal(CudnnMode.Off, CudnnModes.Of(_ => "off"));
        Assert.Contains("LITESPARK_CUDNN=no: right would be on", Assert.Throws<UserErrorException>(() => CudnnModes.Of(_ => "no")).Message);
    }

    [StandInFact]
    public void A_library_that_does_not_work_is_none()
    {
        using var driver = new EmulatedDriver();
        using var folder = new TemporaryFolder();
        StandInLibrary.Build("int cudnnBackendExecute; unsigned long cudnnGetVersion(void) { return 91900; }", folder.File("libcudnn.so.9"));
        LibraryFinding finding = new LibraryProbe(new LibraryFolders(name => name == LibraryFolders.Variable ? folder.Path : null, folder.Path)).Look(NvidiaLibrary.Cudnn);
        Assert.Null(CudaLibraries.OpenCudnn(driver, finding, CudnnMode.On, out string absence));
        Assert.StartsWith($"{folder.File("libcudnn.so.9")} does not work: ", absence);
        Assert.Null(CudaLibraries.OpenCudnn(driver, finding, CudnnMode.Off, out absence));
        Assert.Equal("LITESPARK_CUDNN=off", absence);
    }

    static void AssertRefusal(string? expected, string? found)
    {
        if (expected is null) Assert.Null(found);
        else Assert.Contains(expected, found);
    }
}
