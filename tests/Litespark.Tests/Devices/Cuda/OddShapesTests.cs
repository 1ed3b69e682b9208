using Litespark.Devices.Cpu;
using Litespark.Devices.Cuda;
using Litespark.Graphs;
using Litespark.Inference;
using Litespark.Models;
using Litespark.Planning;
using Litespark.SelfTesting;
using Litespark.Tests.Devices.Cuda.Emulation;
using Litespark.Tests.Planning;

namespace Litespark.Tests.Devices.Cuda;

/// <summary>Models whose sizes are no multiples of anything: rows that miss 16 bytes, tiles that end within, one sequence, one token.</summary>
public sealed class OddShapesTests
{
    static TransformerSpec Spec(string name)
    {
        TransformerSpec llama = ToyModels.Spec("llama") with { MaxPositionEmbeddings = 71 }, gpt2 = ToyModels.Spec("gpt2") with { MaxPositionEmbeddings = 71 };
        return name switch
        {
            "20 wide, 3 heads of 8 on 1" => llama with { HiddenSize = 20, IntermediateSize = 27, NumAttentionHeads = 3, NumKeyValueHeads = 1, HeadDim = 8, VocabSize = 29 },
            "36 wide, 5 heads of 24, window 7" => llama with { Family = ModelFamily.Mistral, HiddenSize = 36, IntermediateSize = 50, NumAttentionHeads = 5, NumKeyValueHeads = 5, HeadDim = 24, VocabSize = 131, SlidingWindow = 7 },
            "gpt2, 28 wide, 4 heads of 7" => gpt2 with { HiddenSize = 28, IntermediateSize = 30, HeadDim = 7, VocabSize = 51 },
            "1 head of 136, biases" => llama with { HiddenSize = 17, IntermediateSize = 19, NumAttentionHeads = 1, NumKeyValueHeads = 1, HeadDim = 136, VocabSize = 10, QkvBias = true, OutputBias = true, MlpBias = true },
            _ => throw new ArgumentException(name),
        };
    }

    /// <summary>Whole steps, packed documents in their rows, by the fused plan and the plain one.</summary>
    [EmulatedTheory]
    [InlineData("20 wide, 3 heads of 8 on 1", 1, 67)]
    [InlineData("gpt2, 28 wide, 4 heads of 7", 1, 19)]
    [InlineData("1 head of 136, biases", 1, 1)]
    public void Gradients_are_the_cpus(string model, int rows, int length)
    {
        using var cpu = new CpuDevice(1);
        foreach ((DataType precision, PlanOptions plan, double tolerance) in ((DataType, PlanOptions, double)[])[(DataType.Float32, PlanOptions.Litespark, 1e-4), (DataType.BFloat16, PlanOptions.Litespark, 0.1), (DataType.BFloat16, PlanOptions.Baseline, 0.1)])
        {
            using CudaDevice gpu = Gpu(precision);
            using ToyStep found = new(gpu, Spec(model), plan, rows: rows, length: length, microBatches: 2), expected = new(cpu, Spec(model), plan, rows: rows, length: length, microBatches: 2);
            Assert.Equal(1, found.RunGradients() / expected.RunGradients(), precision == DataType.Float32 ? 1e-5 : 1e-2);
            Dictionary<string, float[]> ours = found.Gradients(), theirs = expected.Gradients();
            double typical = theirs.Values.Max(values => Norm(values) / Math.Sqrt(values.Length));
            foreach ((string name, float[] values) in theirs)
            {
                // Some gradients are zero but for rounding.
                double size = Math.Max(Norm(values), 1e-2 * typical * Math.Sqrt(values.Length)), error = OpTrial.Error(ours[name], values) * Norm(values) / size;
                Assert.True(error <= tolerance, $"{precision}, {(plan == PlanOptions.Baseline ? "baseline" : "litespark")}, {name}: {error:g3}");
            }
        }
    }

    /// <summary>Prompts in pieces, then single tokens.</summary>
    [EmulatedTheory]
    [InlineData("20 wide, 3 heads of 8 on 1")]
    [InlineData("36 wide, 5 heads of 24, window 7")]
    public void Logits_of_a_cache_are_the_cpus(string model)
    {
        TransformerSpec spec = Spec(model);
        using var cpu = new CpuDevice(1);
        foreach (DataType precision in (DataType[])[DataType.Float32, DataType.BFloat16])
        {
            using CudaDevice gpu = Gpu(precision);
            using CachedModel found = Model(gpu), expected = Model(cpu);
            foreach (int tokens in (int[])[9, 1, 13, 1])
            {
                int[] piece = [.. Enumerable.Range(0, tokens).Select(i => (i * 5 + tokens) % spec.VocabSize)];
                found.Append(piece);
                expected.Append(piece);
                double error = OpTrial.Error(found.Logits, expected.Logits);
                Assert.True(error <= (precision == DataType.Float32 ? 1e-5 : 3e-2), $"{precision}, {tokens}: {error:g3}");
            }
        }

        CachedModel Model(IDevice device)
        {
            var cached = new CachedModel(device, Transformer.Function(spec), capacity: 27);
            foreach (TensorInfo tensor in cached.Weights.Tensors)
            {
                var random = new Random(tensor.Name.Length);
                cached.Weights.Write(tensor.Name, [.. Enumerable.Range(0, checked((int)tensor.Length)).Select(_ => (float)(random.NextDouble() - 0.5))]);
            }

            return cached;
        }
    }

    static CudaDevice Gpu(DataType precision) => new(new EmulatedDriver(1, multiprocessors: 2), new EmulatedCompiler(), precision);

    static double Norm(float[] values) => Math.Sqrt(values.Sum(value => (double)value * value));
}
