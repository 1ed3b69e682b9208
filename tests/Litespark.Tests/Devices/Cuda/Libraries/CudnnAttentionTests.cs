using Litespark.Devices.Cpu;
using Litespark.Devices.Cuda;
using Litespark.Devices.Cuda.Driver;
using Litespark.Devices.Cuda.Libraries.Cudnn;
using Litespark.Graphs;
using Litespark.Graphs.Ops;
using Litespark.Models;
using Litespark.Planning;
using Litespark.SelfTesting;
using Litespark.Tests.Devices.Cuda.Emulation;
using Litespark.Tests.Planning;
using Litespark.Training;

namespace Litespark.Tests.Devices.Cuda.Libraries;

/// <summary>Attention through cuDNN's interface, by a library that computes on the processor what the graph that it is given says.</summary>
public sealed class CudnnAttentionTests : IDisposable
{
    const int Rows = 2, Length = 11, MicroBatches = 2, Times = 4;

    static readonly TransformerSpec spec = ToyModels.Spec("llama-tied-gqa") with { HeadDim = 16 };

    readonly EmulatedDriver driver = new(seed: 1, multiprocessors: 2);
    readonly StandInCudnn cudnn;
    readonly CpuDevice cpu = new(1);
    (int All, int Forward, int Gradients) timed; // runs of plans that were timed when the last program was loaded

    public CudnnAttentionTests() => cudnn = StandInLibrary.CanBuild ? new StandInCudnn(driver, version: 91600) : null!;

    public void Dispose()
    {
        cudnn?.Dispose();
        cpu.Dispose();
        driver.Dispose();
    }

    public static TheoryData<string> Cases() => [.. OpCases.All(large: false).Where(test => test.Name.Contains("whole sequences", StringComparison.Ordinal)).Select(test => test.Name)];

    CudaDevice Gpu(CudnnMode mode = CudnnMode.On) => new(driver, new EmulatedCompiler(), DataType.BFloat16, cudnn: new CudnnContext(cudnn.Library, driver, mode));

    /// <summary>Gradients of one step, made some times over: the second time records each plan, later ones run the recordings.</summary>
    (double Loss, Dictionary<string, float[]> Gradients) Run(IDevice device, TransformerSpec model, Func<int, bool> isWhole, int length = Length)
    {
        (int All, int Forward, int Gradients) before = (cudnn.Runs, cudnn.Forward, cudnn.Gradients);
        using var step = new ToyStep(device, model, PlanOptions.Litespark, null, MicroBatches, Rows, length, isWhole);
        timed = (cudnn.Runs - before.All, cudnn.Forward - before.Forward, cudnn.Gradients - before.Gradients);
        double[] losses = [.. Enumerable.Range(0, Times).Select(_ => step.RunGradients())];
        Assert.All(losses, loss => Assert.Equal(losses[0], loss)); // to the bit
        return (losses[0], step.Gradients());
    }

    /// <summary>As close as bf16 lets two orders of rounding be: our own kernels' gradients are some 4.5 % from the CPU's in float32 in this toy.</summary>
    static void AssertAgree((double Loss, Dictionary<string, float[]> Gradients) found, (double Loss, Dictionary<string, float[]> Gradients) expected)
    {
        Assert.Equal(1, found.Loss / expected.Loss, 2e-3);
        foreach ((string name, float[] values) in expected.Gradients) Assert.True(OpTrial.Error(found.Gradients[name], values) < 6e-2, $"{name}: {OpTrial.Error(found.Gradients[name], values):g3}");
    }

    /// <summary>Losses of some steps of training.</summary>
    static List<StepResult> Train(IDevice device, TransformerSpec model, Func<int, bool> isWhole)
    {
        using var step = new ToyStep(device, model, PlanOptions.Litespark, null, MicroBatches, Rows, Length, isWhole);
        return [.. Enumerable.Range(1, Times).Select(step.Run)];
    }

    [EmulatedStandInTheory]
    [MemberData(nameof(Cases))]
    public void Ops_agree_with_the_cpu_in_every_layout(string name)
    {
        OpCase test = OpCases.All(large: false).Single(test => test.Name == name);
        using CudaDevice gpu = Gpu();
        bool isOne = name.Contains("1 × 1,", StringComparison.Ordinal);
        foreach (OperandLayout layout in Enum.GetValues<OperandLayout>())
            foreach (TrialResult result in OpTrial.Run(gpu, cpu, test, layout, seed: 5))
            {
                Assert.True(result.Passed, $"{name}, {layout}, {result.Result}: {result.Error:g3}");
                if (!isOne) Assert.Equal("cuDNN", result.Library); // one token: its gradient is not cuDNN's
            }
    }

    [EmulatedStandInFact]
    public void Rows_with_documents_are_not_its()
    {
        using CudaDevice gpu = Gpu();
        foreach (OpCase test in OpCases.All(large: false).Where(test => test.Op(DataType.BFloat16) is Attention && !test.Name.Contains("whole", StringComparison.Ordinal) && test.Operands[0].Shape.Rows > 1))
            foreach (TrialResult result in OpTrial.Run(gpu, cpu, test, OperandLayout.Separate, seed: 5)) Assert.True(result is { Passed: true, Library: null }, test.Name);
    }

    [EmulatedStandInFact]
    public void Gradients_are_those_of_our_own_kernels()
    {
        using CudaDevice gpu = Gpu();
        (double, Dictionary<string, float[]>) found = Run(gpu, spec, _ => true);
        int layers = spec.NumHiddenLayers, plans = 2; // of the first and the next micro-batch, each run once and recorded once
        Assert.Equal((2 * plans * layers, 2 * plans * layers), (cudnn.Forward - timed.Forward, cudnn.Gradients - timed.Gradients));
        int runs = cudnn.Runs;
        Assert.Equal(2 * MicroBatches * layers * Times, runs - timed.All);
        Assert.Equal(2 * 2, cudnn.Plans); // of two engines; layers are alike
        Assert.Equal(timed.All / 2, cudnn.RunsBy(3)); // the slower one was timed, and no more
        using IDisposable? scope = gpu.OwnKernelsOnly();
        (double, Dictionary<string, float[]>) own = Run(gpu, spec, _ => true), exact = Run(cpu, spec, _ => true);
        Assert.Equal(runs, cudnn.Runs);
        AssertAgree(found, own);
        Assert.True(Distance(found.Item2, exact.Item2) < 1.5 * Distance(own.Item2, exact.Item2), "further from float32 than our own kernels are");

        static double Distance(Dictionary<string, float[]> a, Dictionary<string, float[]> b) => OpTrial.Error([.. a.Values.SelectMany(x => x)], [.. a.Keys.SelectMany(name => b[name])]);
    }

    [EmulatedStandInFact]
    public void It_trains_as_our_own_kernels_do()
    {
        using CudaDevice gpu = Gpu();
        List<StepResult> found = Train(gpu, spec, _ => true);
        Assert.True(cudnn.Runs > 0);
        using IDisposable? own = gpu.OwnKernelsOnly();
        List<StepResult> expected = Train(gpu, spec, _ => true);
        // At a toy's learning rate roundings part fast: each step starts where the last one ended.
        for (int i = 0; i < Times; i++) Assert.Equal(1, found[i].Loss / expected[i].Loss, 2e-2);
    }

    /// <summary>Some micro-batches are cuDNN's and some are not, within one accumulated step: each gets what suits it.</summary>
    [EmulatedStandInTheory]
    [InlineData(0)]
    [InlineData(1)]
    public void Micro_batches_may_differ(int whole)
    {
        using CudaDevice gpu = Gpu();
        (double, Dictionary<string, float[]>) found = Run(gpu, spec, i => i == whole);
        Assert.Equal(2 * spec.NumHiddenLayers * Times, cudnn.Runs - timed.All);
        using IDisposable? own = gpu.OwnKernelsOnly();
        AssertAgree(found, Run(gpu, spec, i => i == whole));
    }

    /// <summary>Statistics of cuDNN's attention are those of ours: either gradient takes them.</summary>
    [EmulatedStandInFact]
    public void Its_statistics_suit_our_gradient()
    {
        using CudaDevice gpu = Gpu(CudnnMode.Forward);
        (double, Dictionary<string, float[]>) found = Run(gpu, spec, _ => true);
        Assert.Equal(0, cudnn.Gradients);
        Assert.Contains(gpu.Notices, line => line.Contains("gradient", StringComparison.Ordinal) && line.Contains("LITESPARK_CUDNN=forward", StringComparison.Ordinal));
        using IDisposable? own = gpu.OwnKernelsOnly();
        AssertAgree(found, Run(gpu, spec, _ => true));
    }

    [EmulatedStandInFact]
    public void What_it_refuses_our_kernels_do_and_the_reason_is_kept()
    {
        using CudaDevice gpu = Gpu();
        (double, Dictionary<string, float[]>) found = Run(gpu, spec, _ => true, length: 13);
        Assert.Equal(0, cudnn.Runs);
        Assert.Equal(2, gpu.Notices.Count);
        Assert.All(gpu.Notices, line => Assert.EndsWith("2 × 13 tokens, 4/2 heads of 16: own kernels: cudnnBackendFinalize(ExecutionPlan): CUDNN_STATUS_NOT_SUPPORTED_SHAPE (3002): sequences of 13 tokens bring bad luck", line));
        using IDisposable? own = gpu.OwnKernelsOnly();
        (double, Dictionary<string, float[]>) expected = Run(gpu, spec, _ => true, length: 13);
        Assert.Equal(expected.Item1, found.Item1); // to the bit
        foreach ((string name, float[] values) in expected.Item2) Assert.Equal(values, found.Item2[name]);
    }

    [EmulatedStandInFact]
    public void Windows_are_ours()
    {
        using CudaDevice gpu = Gpu();
        Run(gpu, spec with { Family = ModelFamily.Mistral, SlidingWindow = 5 }, _ => true);
        Assert.Equal(0, cudnn.Runs);
        Assert.Equal("attention with a window of 5 of 11 tokens: own kernels", Assert.Single(gpu.Notices));
    }

    [EmulatedStandInFact]
    public void Without_room_for_its_scratch_memory_our_kernels_do_it()
    {
        using var small = new EmulatedDriver(multiprocessors: 2, memoryBytes: 64 << 20);
        using var library = new StandInCudnn(small, version: 91600);
        using var gpu = new CudaDevice(small, new EmulatedCompiler(), DataType.BFloat16, cudnn: new CudnnContext(library.Library, small));
        using var step = new ToyStep(gpu, spec with { MaxPositionEmbeddings = 256 }, PlanOptions.Litespark, null, MicroBatches, Rows, length: 256);
        Assert.Equal(2, gpu.Notices.Count);
        Assert.All(gpu.Notices, line => Assert.Matches(@"own kernels: cuDNN would take 0\.00 GB of scratch memory, and 0\.0\d GB are free$", line)); // in every layer as in the first
        Assert.All(gpu.ChosenAlgorithms!["attention"]!.AsObject(), form => Assert.Equal("own kernels", (string)form.Value!["by"]!));
    }

    /// <summary>Programs of one form in one process: with room, without it, and with it again.</summary>
    [EmulatedStandInTheory]
    [InlineData(true, "cuDNN 9.16.0")]
    [InlineData(false, "own kernels")]
    public void What_is_saved_is_what_the_first_program_does(bool roomAtFirst, string saved)
    {
        using var small = new EmulatedDriver(multiprocessors: 2, memoryBytes: 320 << 20); // 256 MiB are to stay free
        using var library = new StandInCudnn(small, version: 91600, scratchBytes: 16 << 20);
        using var gpu = new CudaDevice(small, new EmulatedCompiler(), DataType.BFloat16, cudnn: new CudnnContext(library.Library, small));
        for (int i = 0; i < 3; i++)
        {
            using DeviceMemory? taken = roomAtFirst == (i == 1) ? new DeviceMemory(small, 60 << 20) : null;
            using var step = new ToyStep(gpu, spec, PlanOptions.Litespark, null, MicroBatches, Rows, Length, _ => true);
            int before = library.Runs;
            step.RunGradients();
            Assert.Equal(roomAtFirst && i != 1, library.Runs > before);
            Assert.All(gpu.ChosenAlgorithms!["attention"]!.AsObject(), form => Assert.Equal(saved, (string)form.Value!["by"]!));
        }

        string[] later = [.. gpu.Notices.Where(line => line.Contains(", in a later program: own kernels: cuDNN would take 0.0", StringComparison.Ordinal))];
        Assert.Equal(roomAtFirst ? 2 : 0, later.Length);
        Assert.Equal(2, gpu.Notices.Count - later.Length);
    }

    [EmulatedStandInFact]
    public void Nothing_is_left_behind()
    {
        using (CudaDevice gpu = Gpu())
        {
            Run(gpu, spec, _ => true);
            Run(gpu, spec, _ => true, length: 13);
            Assert.True(cudnn.Live > 1);
        }

        Assert.Equal(0, cudnn.Live);
    }

    [EmulatedStandInFact]
    public void A_step_allocates_nothing()
    {
        using CudaDevice gpu = Gpu();
        using var step = new ToyStep(gpu, spec, PlanOptions.Litespark, null, MicroBatches, Rows, Length, i => i == 0);
        for (int i = 1; i <= Times; i++) step.Run(i);
        long least = long.MaxValue;
        for (int i = 1; i <= Times; i++)
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            step.Run(Times + i);
            least = Math.Min(least, GC.GetAllocatedBytesForCurrentThread() - before);
        }

        Assert.Equal(0, least);
    }

    [EmulatedStandInFact]
    public void The_self_test_tries_both_and_says_which()
    {
        using TemporaryFolder folder = new();
        using CudaDevice gpu = Gpu();
        var settings = new SelfTestSettings { Folder = folder.Path, Small = true, Seed = 3, Models = [new SelfTestModel("llama-3.2-1b", 256, 2)] };
        OpCase test = OpCases.All(large: false).First(test => test.Name.StartsWith("attention of whole", StringComparison.Ordinal));
        KernelStage.Try(NewContext(gpu, settings, folder.File("kernels.jsonl"), out ResultFile kernels), test, OperandLayout.Views, seed: 3);
        kernels.Dispose();
        string[] lines = File.ReadAllLines(folder.File("kernels.jsonl"));
        Assert.Equal(["cuDNN", "cuDNN", "own kernels", "own kernels"], lines.Select(line => (string)System.Text.Json.Nodes.JsonNode.Parse(line)!["by"]!));
        Assert.DoesNotContain(lines, line => line.Contains("\"passed\":false", StringComparison.Ordinal));

        Assert.Contains(gpu.Facts, fact => fact is ("attention", "cuDNN 9.16.0 where a row is one document, own kernels where documents share one"));
        ProbeStage.AddAttention(NewContext(gpu, settings, folder.File("probe.jsonl"), out ResultFile probe), gpu, settings.Models[0]);
        probe.Dispose();
        string text = File.ReadAllText(folder.File("probe.jsonl"));
        Assert.Contains("llama-3.2-1b: attention, 2 × 256 tokens, 32/8 heads of 64\",\"value\":\"cuDNN 9.16.0, 0.0 MB of scratch memory", text);
        Assert.Contains("llama-3.2-1b: attention's gradient, 2 × 256 tokens, 32/8 heads of 64\",\"value\":\"cuDNN 9.16.0, 8.", text);
    }

    SelfTestContext NewContext(IDevice device, SelfTestSettings settings, string path, out ResultFile file)
    {
        var context = new SelfTestContext(device, cpu, settings, _ => { }, CancellationToken.None);
        context.Begin(file = new ResultFile(path));
        return context;
    }
}
