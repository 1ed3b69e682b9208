using System.Text.Json;
using Litespark.Devices.Cpu;
using Litespark.Devices.Cuda;
using Litespark.Devices.Cuda.Libraries.Cudnn;
using Litespark.Graphs;
using Litespark.Models;
using Litespark.Planning;
using Litespark.Reporting;
using Litespark.Tests.Devices.Cuda.Emulation;
using Litespark.Tests.Devices.Cuda.Libraries;
using Litespark.Tests.Planning;
using Litespark.Tests.Training;
using Litespark.Training;
using Litespark.Training.Sparsity;

namespace Litespark.Tests.Devices.Cuda;

/// <summary>Training with attention patterns on an emulated GPU beside the CPU's: plans are recorded once, and patterns change between steps.</summary>
public sealed class EmulatedSparseAttentionTests : IDisposable
{
    const int Rows = 1, Length = 150, MicroBatches = 2;

    static readonly AttentionPattern[] patterns =
    [
        new(AttentionMode.LocalOrStrided, 32, 64, 16), new(AttentionMode.Local, 20, 0, 1), AttentionPattern.Dense, new(AttentionMode.Fixed, 64, 0, 32), new(AttentionMode.Strided, 0, 5, 1),
    ];

    readonly CpuDevice cpu = new(1);

    public void Dispose() => cpu.Dispose();

    static CudaDevice Gpu(DataType precision, uint seed = 1) => new(new EmulatedDriver(seed, multiprocessors: 2), new EmulatedCompiler(), precision);

    /// <summary>A head's width that our kernels take, and weights small enough that bf16 stays near float32.</summary>
    static TransformerSpec Spec(string model, int headDim) => ToyModels.Spec(model) with { HiddenSize = 4 * headDim, HeadDim = headDim, InitializerRange = 0.1, MaxPositionEmbeddings = Length };

    /// <summary>The first micro-batch's rows are one document each.</summary>
    static ToyStep Step(IDevice device, string model, bool fused, int headDim)
        => new(device, Spec(model, headDim), fused ? PlanOptions.Litespark : PlanOptions.Baseline, null, MicroBatches, Rows, Length, isWhole: batch => batch == 0, new SparsitySettings { SparseAttention = true });

    static void Write(LoadedAttention attention, int shift, float threshold = 0)
    {
        for (int layer = 0; layer < attention.LayerCount; layer++)
            attention.Write(layer, [.. Enumerable.Range(shift + layer, attention.Heads(layer)).Select(i => patterns[i % patterns.Length])], threshold);
    }

    /// <summary>Patterns change before and after a plan's second run, which records it.</summary>
    static (List<double> Losses, List<double?> Shares, List<(string Name, float[] Values)> Gradients) Train(IDevice device, string model, bool fused, int headDim, float threshold = 0)
    {
        using ToyStep step = Step(device, model, fused, headDim);
        var attention = new LoadedAttention(step.Loaded);
        List<double> losses = [];
        List<double?> shares = [];
        List<(string, float[])> gradients = [];
        for (int shift = 0; shift < 3; shift++)
        {
            Write(attention, shift, threshold);
            losses.Add(step.RunGradients());
            shares.Add(attention.Share(MicroBatches));
            gradients.AddRange(step.Gradients().Select(pair => (pair.Key, pair.Value)));
        }

        for (int i = 1; i <= 3; i++)
        {
            Write(attention, 2 * i, threshold);
            losses.Add(step.Run(i).Loss);
            losses.Add(step.Step.Evaluate(step.Batches[1]));
        }

        return (losses, shares, gradients);
    }

    [EmulatedTheory]
    [InlineData("llama-tied-gqa", true, 16, DataType.BFloat16)]
    [InlineData("mistral", true, 24, DataType.BFloat16)]
    [InlineData("gpt2", false, 16, DataType.BFloat16)]
    [InlineData("llama-tied-gqa", true, 16, DataType.Float32)]
    [InlineData("gpt2", true, 12, DataType.BFloat16)] // a width that our kernels do not take: scores are materialised
    public void It_trains_as_the_cpu_does_but_for_rounding(string model, bool fused, int headDim, DataType precision)
    {
        (List<double> losses, List<double?> shares, List<(string Name, float[] Values)> gradients) = Train(cpu, model, fused, headDim);
        using CudaDevice gpu = Gpu(precision);
        (List<double> losses2, List<double?> shares2, List<(string Name, float[] Values)> gradients2) = Train(gpu, model, fused, headDim);
        bool exact = precision == DataType.Float32;
        for (int i = 0; i < losses.Count; i++) Assert.Equal(1, losses2[i] / losses[i], exact ? 1e-5 : 1e-2);
        if (fused && headDim % 8 == 0 && !exact) Assert.Equal(shares, shares2);
        foreach (((string name, float[] values), (_, float[] found)) in gradients.Zip(gradients2).Where(pair => !pair.First.Name.EndsWith("c_attn.bias", StringComparison.Ordinal)))
            Assert.True(Litespark.SelfTesting.OpTrial.Error(found, values) <= (exact ? 1e-5 : 8e-2), $"{name}: {Litespark.SelfTesting.OpTrial.Error(found, values)}"); // but of a key's bias, whose gradient is nothing but rounding
    }

    [EmulatedFact]
    public void Bits_do_not_depend_on_the_order_in_which_threads_run()
    {
        using CudaDevice first = Gpu(DataType.BFloat16, seed: 1);
        var expected = Train(first, "llama-tied-gqa", fused: true, 16, threshold: 0.01f);
        foreach (uint seed in (uint[])[9, 77])
        {
            using CudaDevice other = Gpu(DataType.BFloat16, seed);
            var found = Train(other, "llama-tied-gqa", fused: true, 16, threshold: 0.01f);
            Assert.Equal(expected.Losses, found.Losses);
            Assert.Equal(expected.Shares, found.Shares);
            foreach ((var a, var b) in expected.Gradients.Zip(found.Gradients)) Assert.Equal(a.Values, b.Values);
        }
    }

    [EmulatedFact]
    public void Without_a_pattern_a_step_is_the_dense_one_but_for_the_order_of_sums()
    {
        using CudaDevice gpu = Gpu(DataType.BFloat16);
        using ToyStep sparse = Step(gpu, "llama-tied-gqa", fused: true, 16), dense = new(gpu, Spec("llama-tied-gqa", 16), PlanOptions.Litespark, null, MicroBatches, Rows, Length, isWhole: batch => batch == 0);
        Assert.Equal(dense.RunGradients(), sparse.RunGradients(), 1e-5 * dense.RunGradients());
        Assert.Equal(1, new LoadedAttention(sparse.Loaded).Share(MicroBatches));
    }

    /// <summary>cuDNN's graph knows no patterns.</summary>
    [EmulatedStandInFact]
    public void A_library_does_not_take_attention_with_patterns()
    {
        var driver = new EmulatedDriver(1, multiprocessors: 2, memoryBytes: 1L << 30);
        using var cudnn = new StandInCudnn(driver, version: 91600, scratchBytes: 4096);
        using var gpu = new CudaDevice(driver, new EmulatedCompiler(), DataType.BFloat16, cudnn: new CudnnContext(cudnn.Library, driver, CudnnMode.On));
        using ToyStep step = new(gpu, Spec("llama-tied-gqa", 16), PlanOptions.Litespark, null, MicroBatches, Rows, Length, isWhole: _ => true, new SparsitySettings { SparseAttention = true });
        step.RunGradients();
        Assert.Equal(0, cudnn.Runs);
    }

    [EmulatedFact]
    public void A_step_allocates_nothing()
    {
        using CudaDevice gpu = Gpu(DataType.BFloat16);
        using ToyStep step = Step(gpu, "llama-tied-gqa", fused: true, 16);
        var attention = new LoadedAttention(step.Loaded);
        AttentionPattern[][] heads = [[.. patterns.Take(4)], [.. patterns.Skip(1)]];
        for (int i = 1; i <= 3; i++) step.Run(i);
        long least = long.MaxValue; // of several, as of a dense step
        for (int i = 4; i <= 6; i++)
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            attention.Write(0, heads[i % 2]);
            step.Run(i);
            attention.Share(MicroBatches);
            least = Math.Min(least, GC.GetAllocatedBytesForCurrentThread() - before);
        }

        Assert.Equal(0, least);
    }

    /// <summary>A recipe of Mixed Sparsity Training with hybrid attention: the same masks and patterns, and the CPU's losses.</summary>
    [EmulatedFact]
    public void A_recipe_of_mixed_sparsity_training_trains_as_on_the_cpu()
    {
        using var tiny = new TinyRun();
        string[] recipe =
        [
            "sparsity.method=mst", "sparsity.sparsity=0.7", "sparsity.block_rows=8", "sparsity.block_columns=8", "sparsity.update_every_steps=2", "sparsity.growth=random", // gradients' ties would part by rounding
            "training.max_steps=10", "sparsity.dense_until_step=2", "sparsity.sparse_from_step=4", "sparsity.restore_from_step=7", "sparsity.dense_from_step=9",
            "sparsity.attention_pattern=local_strided", "sparsity.attention_window=24", "sparsity.attention_stride=64", "sparsity.attention_block=16", "sparsity.attention_heads=[0, 1, 3]",
            "training.sequence_length=128", "training.micro_batch_size=1", "training.global_batch_tokens=256", "evaluation.every_steps=5", "evaluation.max_tokens=256", "data.document_mask=false", "optimizer.learning_rate=0.002",
        ];
        List<JsonElement> expected = TinyRun.Rows(tiny.Train("cpu", recipe).Run);
        using CudaDevice gpu = Gpu(DataType.BFloat16);
        using (TrainingSetup setup = TrainingSetup.Open(tiny.Load(recipe), gpu.Profile, 1, _ => { }))
        using (var trainer = new Trainer(setup, gpu, new TrainerOptions { Run = tiny.At("gpu") }, new Silent())) trainer.Run();
        List<JsonElement> found = TinyRun.Rows(tiny.At("gpu"));
        Assert.Equal(expected.Count, found.Count);
        foreach ((JsonElement a, JsonElement b) in expected.Zip(found))
        {
            if (TinyRun.IsTopology(a)) continue;
            string loss = TinyRun.IsEval(a) ? "eval_loss" : "loss";
            Assert.Equal(1, b.GetProperty(loss).GetDouble() / a.GetProperty(loss).GetDouble(), 1e-2);
            if (TinyRun.IsEval(a)) continue;
            Assert.Equal(a.GetProperty("density").GetDouble(), b.GetProperty("density").GetDouble(), 1e-9);
            Assert.Equal(a.GetProperty("attention_share").GetDouble(), b.GetProperty("attention_share").GetDouble(), 1e-9);
        }

        double[] shares = [.. found.Where(row => !TinyRun.IsEval(row) && !TinyRun.IsTopology(row)).Select(row => row.GetProperty("attention_share").GetDouble())];
        Assert.Equal(1, shares[0]);
        Assert.InRange(shares[5], 0.3, 0.7);
        Assert.Equal(1, shares[^1]);
    }

    sealed class Silent : ITrainingObserver
    {
        public void OnStep(in StepMetrics metrics)
        {
        }
    }
}
