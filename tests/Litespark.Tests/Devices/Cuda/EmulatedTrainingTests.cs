using Litespark.Devices.Cpu;
using Litespark.Devices.Cuda;
using Litespark.Graphs;
using Litespark.Inference;
using Litespark.Models;
using Litespark.Planning;
using Litespark.Tests.Devices.Cuda.Emulation;
using Litespark.Tests.Planning;
using Litespark.Training;

namespace Litespark.Tests.Devices.Cuda;

/// <summary>The whole CUDA device on an emulated GPU: plans bound, recorded and run, beside the CPU's.</summary>
public sealed class EmulatedTrainingTests : IDisposable
{
    const int Rows = 2, Length = 11, MicroBatches = 2, Steps = 3;

    readonly CpuDevice cpu = new(1);

    public void Dispose() => cpu.Dispose();

    static CudaDevice Gpu(DataType precision, uint seed = 1) => new(new EmulatedDriver(seed, multiprocessors: 2), new EmulatedCompiler(), precision);

    static List<StepResult> Train(IDevice device, TransformerSpec spec, PlanOptions plan, bool muon, out Dictionary<string, float[]> weights)
    {
        using var step = new ToyStep(device, spec, plan, new OptimizerSettings { UseMuon = muon }, MicroBatches, Rows, Length);
        // The second step records each plan, the third runs the recordings.
        List<StepResult> results = [.. Enumerable.Range(1, Steps).Select(step.Run)];
        weights = step.Weights();
        return results;
    }

    static double Difference(Dictionary<string, float[]> found, Dictionary<string, float[]> expected)
        // The true gradient of GPT-2's key bias is zero: Adam divides rounding by rounding there.
        => expected.Where(pair => !pair.Key.EndsWith("c_attn.bias", StringComparison.Ordinal)).Max(pair => Error(found[pair.Key], pair.Value));

    static double Error(float[] found, float[] expected) => Litespark.SelfTesting.OpTrial.Error(found, expected);

    [EmulatedTheory]
    [InlineData("llama", true, false)]
    [InlineData("llama", false, false)]
    [InlineData("gpt2", true, false)]
    [InlineData("gpt2", false, false)]
    [InlineData("qwen3", true, true)]
    public void In_float32_it_trains_as_the_cpu_does(string model, bool fused, bool muon)
    {
        TransformerSpec spec = ToyModels.Spec(model);
        PlanOptions plan = fused ? PlanOptions.Litespark : PlanOptions.Baseline;
        List<StepResult> expected = Train(cpu, spec, plan, muon, out Dictionary<string, float[]> cpuWeights);
        using CudaDevice gpu = Gpu(DataType.Float32);
        List<StepResult> found = Train(gpu, spec, plan, muon, out Dictionary<string, float[]> gpuWeights);
        for (int i = 0; i < Steps; i++)
        {
            Assert.Equal(1, found[i].Loss / expected[i].Loss, 1e-5);
            Assert.Equal(1, found[i].GradientNorm / expected[i].GradientNorm, 1e-4);
        }

        // Adam divides small gradients by their own size, rounding included: weights agree less closely than losses.
        Assert.InRange(Difference(gpuWeights, cpuWeights), 0, 2e-3);
    }

    [EmulatedTheory]
    [InlineData("llama", true)]
    [InlineData("llama", false)]
    [InlineData("gpt2", true)]
    public void In_bfloat16_it_trains_as_the_cpu_does_but_for_rounding(string model, bool fused)
    {
        TransformerSpec spec = ToyModels.Spec(model);
        PlanOptions plan = fused ? PlanOptions.Litespark : PlanOptions.Baseline;
        List<StepResult> expected = Train(cpu, spec, plan, muon: false, out _);
        using CudaDevice gpu = Gpu(DataType.BFloat16);
        List<StepResult> found = Train(gpu, spec, plan, muon: false, out _);
        for (int i = 0; i < Steps; i++)
        {
            Assert.Equal(1, found[i].Loss / expected[i].Loss, 1e-2);
            Assert.Equal(1, found[i].GradientNorm / expected[i].GradientNorm, 5e-2);
        }
    }

    [EmulatedFact]
    public void Bits_do_not_depend_on_the_order_in_which_threads_run()
    {
        TransformerSpec spec = ToyModels.Spec("llama");
        using CudaDevice first = Gpu(DataType.BFloat16, seed: 1), second = Gpu(DataType.BFloat16, seed: 9);
        List<StepResult> a = Train(first, spec, PlanOptions.Litespark, false, out Dictionary<string, float[]> weightsA), b = Train(second, spec, PlanOptions.Litespark, false, out Dictionary<string, float[]> weightsB);
        Assert.Equal(a, b);
        foreach ((string name, float[] values) in weightsA) Assert.Equal(values, weightsB[name]);
    }

    [EmulatedTheory]
    [InlineData(false)]
    [InlineData(true)]
    public void It_generates_what_the_cpu_generates(bool rounded)
    {
        TransformerSpec spec = ToyModels.Spec("llama");
        using CudaDevice gpu = Gpu(rounded ? DataType.BFloat16 : DataType.Float32);
        int[] prompt = [.. Enumerable.Range(0, 9).Select(i => (i * 5 + 1) % spec.VocabSize)];
        float[] expected = Logits(cpu, spec, prompt), found = Logits(gpu, spec, prompt);
        Assert.InRange(Error(found, expected), 0, rounded ? 3e-2 : 1e-5);
    }

    static float[] Logits(IDevice device, TransformerSpec spec, int[] prompt)
    {
        using var model = new CachedModel(device, Transformer.Function(spec), capacity: 16);
        foreach (TensorInfo tensor in model.Weights.Tensors)
        {
            var random = new Random(tensor.Name.Length);
            model.Weights.Write(tensor.Name, [.. Enumerable.Range(0, checked((int)tensor.Length)).Select(_ => (float)(random.NextDouble() - 0.5))]);
        }

        model.Append(prompt);
        model.Append([3]);
        return model.Logits.ToArray();
    }

    [EmulatedFact]
    public void A_step_allocates_nothing()
    {
        using CudaDevice gpu = Gpu(DataType.BFloat16);
        using var step = new ToyStep(gpu, ToyModels.Spec("llama"), PlanOptions.Litespark, null, MicroBatches, Rows, Length);
        for (int i = 1; i <= Steps; i++) step.Run(i);
        // The runtime may compile a method anew behind a step, and the emulator's lists grow now and then: a step of ours would allocate every time.
        long least = long.MaxValue;
        for (int i = 1; i <= Steps; i++)
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            step.Run(Steps + i);
            least = Math.Min(least, GC.GetAllocatedBytesForCurrentThread() - before);
        }

        Assert.Equal(0, least);
    }
}
