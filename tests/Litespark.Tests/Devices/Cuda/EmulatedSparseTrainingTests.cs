using Litespark.Devices.Cpu;
using Litespark.Devices.Cuda;
using Litespark.Graphs;
using Litespark.Models;
using Litespark.Planning;
using Litespark.Tests.Devices.Cuda.Emulation;
using Litespark.Tests.Devices.Cuda.Libraries;
using Litespark.Tests.Planning;
using Litespark.Training;
using Litespark.Training.Sparsity;

namespace Litespark.Tests.Devices.Cuda;

/// <summary>Sparse training on an emulated GPU beside the CPU's: plans are recorded once, and which blocks live changes between steps.</summary>
public sealed class EmulatedSparseTrainingTests : IDisposable
{
    const int Rows = 2, Length = 11, MicroBatches = 2, DenseGradientStep = 3;

    /// <summary>What a run leaves: gradients and norms of blocks at the first weights, then steps.</summary>
    sealed record Outcome(List<(string Name, float[] Values)> Gradients, List<StepResult> Steps, Dictionary<string, float[]> Weights);

    readonly CpuDevice cpu = new(1);

    public void Dispose() => cpu.Dispose();

    static CudaDevice Gpu(DataType precision, uint seed = 1) => new(new EmulatedDriver(seed, multiprocessors: 2), new EmulatedCompiler(), precision);

    /// <summary>Wide enough for blocks of 32; key and value are members of their own, the MLP is no whole number of tiles, and weights are small enough that bf16 stays near float32.</summary>
    static TransformerSpec Spec(string model) => ToyModels.Spec(model) with { HiddenSize = 64, HeadDim = 16, IntermediateSize = 104, InitializerRange = 0.1 };

    static SparsitySettings Blocks(int rows, int columns) => new()
    {
        BlockRows = rows, BlockColumns = columns, IsSparse = name => name.Contains(".layers.", StringComparison.Ordinal) || name.Contains(".h.", StringComparison.Ordinal),
    };

    static ToyStep Step(IDevice device, string model, bool fused, SparsitySettings blocks)
        => new(device, Spec(model), fused ? PlanOptions.Litespark : PlanOptions.Baseline, null, MicroBatches, Rows, Length, sparsity: blocks);

    /// <summary>Topologies change before and after a plan's second run, which records it; one step's gradients are dense.</summary>
    static Outcome Train(IDevice device, string model, bool fused, SparsitySettings blocks)
    {
        using ToyStep step = Step(device, model, fused, blocks);
        var topology = new LoadedTopology(step.Loaded);
        List<(string Name, float[] Values)> gradients = [];
        foreach ((double share, bool dense) in ((double, bool)[])[(0.8, false), (0.7, true), (0.5, false)])
        {
            Change(topology, share, seed: 1);
            topology.SetDenseGradients(dense);
            step.RunGradients();
            gradients.AddRange(step.Gradients().Select(pair => (pair.Key, pair.Value)));
            topology.ComputeNorms();
            foreach (SparseTensor tensor in topology.Tensors) gradients.AddRange([(tensor.Name, topology.WeightNorms(tensor.Name)), (tensor.Name, topology.GradientNorms(tensor.Name))]);
        }

        List<StepResult> steps = [];
        for (int i = 1; i <= 5; i++)
        {
            topology.SetDenseGradients(i == DenseGradientStep);
            steps.Add(step.Run(i));
            if (i is 2 or DenseGradientStep) Change(topology, 0.5, seed: 10 + i);
        }

        return new Outcome(gradients, steps, step.Weights());
    }

    static void Change(LoadedTopology topology, double share, int seed)
    {
        var random = new Random(seed);
        foreach (SparseTensor tensor in topology.Tensors) topology.Set(tensor.Name, [.. Enumerable.Range(0, tensor.Grid.Count).Select(_ => random.NextDouble() < share)]);
        topology.Apply(denseGradients: false);
        topology.ZeroDeadBlocks();
    }

    static double Error(float[] found, float[] expected) => Litespark.SelfTesting.OpTrial.Error(found, expected);

    [EmulatedTheory]
    [InlineData("llama-tied-gqa", true, 32, 32)]
    [InlineData("llama-tied-gqa", false, 8, 8)]
    [InlineData("gpt2", true, 1, 1)]
    [InlineData("gpt2", false, 40, 33)]
    public void In_float32_it_trains_as_the_cpu_does(string model, bool fused, int rows, int columns)
    {
        Outcome expected = Train(cpu, model, fused, Blocks(rows, columns));
        using CudaDevice gpu = Gpu(DataType.Float32);
        Compare(expected, Train(gpu, model, fused, Blocks(rows, columns)), loss: 1e-5, norm: 1e-4, gradient: 1e-5);
    }

    [EmulatedTheory]
    [InlineData("llama-tied-gqa", true, 32, 32)]
    [InlineData("llama-tied-gqa", false, 128, 128)]
    [InlineData("llama-tied-gqa", true, 8, 8)]
    [InlineData("gpt2", true, 32, 64)]
    [InlineData("gpt2", false, 1, 1)]
    [InlineData("gpt2", true, 40, 33)]
    public void In_bfloat16_it_trains_as_the_cpu_does_but_for_rounding(string model, bool fused, int rows, int columns)
    {
        Outcome expected = Train(cpu, model, fused, Blocks(rows, columns));
        using CudaDevice gpu = Gpu(DataType.BFloat16);
        Compare(expected, Train(gpu, model, fused, Blocks(rows, columns)), loss: 1e-2, norm: 5e-2, gradient: 8e-2);
    }

    /// <summary>Where blocks are too small for our kernels, dense products are the library's.</summary>
    [EmulatedStandInFact]
    public void Small_blocks_are_multiplied_by_the_library()
    {
        Outcome expected = Train(cpu, "llama", fused: true, Blocks(8, 8));
        using var gpu = new EmulatedCublasLt();
        Compare(expected, Train(gpu.Device, "llama", fused: true, Blocks(8, 8)), loss: 1e-2, norm: 5e-2, gradient: 8e-2);
    }

    static void Compare(Outcome expected, Outcome found, double loss, double norm, double gradient)
    {
        Assert.Equal(expected.Gradients.Count, found.Gradients.Count);
        foreach (((string name, float[] values), (_, float[] others)) in expected.Gradients.Zip(found.Gradients).Where(pair => !pair.First.Name.EndsWith("c_attn.bias", StringComparison.Ordinal)))
            Assert.True(Error(others, values) <= gradient, $"{name}: {Error(others, values)}"); // but of a key's bias, whose gradient is nothing but rounding
        foreach ((StepResult a, StepResult b) in expected.Steps.Zip(found.Steps))
        {
            Assert.Equal(1, b.Loss / a.Loss, loss);
            Assert.Equal(1, b.GradientNorm / a.GradientNorm, norm);
        }

        // Dead weights are zero, and the same ones.
        foreach ((string name, float[] values) in expected.Weights.Where(pair => pair.Key.Contains("proj", StringComparison.Ordinal) && pair.Key.EndsWith("weight", StringComparison.Ordinal)))
            Assert.Equal(values.Select(x => x == 0), found.Weights[name].Select(x => x == 0));
    }

    [EmulatedTheory]
    [InlineData(32)]
    [InlineData(8)]
    public void Bits_do_not_depend_on_the_order_in_which_threads_run(int block)
    {
        using CudaDevice first = Gpu(DataType.BFloat16, seed: 1);
        Outcome expected = Train(first, "llama", fused: true, Blocks(block, block));
        foreach (uint seed in (uint[])[9, 77])
        {
            using CudaDevice other = Gpu(DataType.BFloat16, seed);
            Outcome found = Train(other, "llama", fused: true, Blocks(block, block));
            Assert.Equal(expected.Steps, found.Steps);
            foreach ((var a, var b) in expected.Gradients.Zip(found.Gradients)) Assert.Equal(a.Values, b.Values);
            foreach ((string name, float[] values) in expected.Weights) Assert.Equal(values, found.Weights[name]);
        }
    }

    /// <summary>On one device, where both sum in one order and zeros add nothing: the dense step over the same weights, zero where blocks are dead, has the same gradients where they live.</summary>
    [EmulatedTheory]
    [InlineData("llama-tied-gqa", 32)]
    [InlineData("llama-tied-gqa", 8)]
    [InlineData("gpt2", 32)]
    public void In_bfloat16_it_is_the_dense_step_with_masked_weights(string model, int block)
    {
        using CudaDevice gpu = Gpu(DataType.BFloat16);
        using ToyStep sparse = Step(gpu, model, fused: true, Blocks(block, block)), dense = new(gpu, Spec(model), PlanOptions.Litespark, null, MicroBatches, Rows, Length);
        var topology = new LoadedTopology(sparse.Loaded);
        Change(topology, 0.5, seed: 3);
        Dictionary<string, float[]> weights = sparse.Weights();
        foreach ((string name, float[] values) in weights) ParameterStore.Weights(dense.Loaded).Write(name, values);
        Assert.Equal(1, sparse.RunGradients() / dense.RunGradients(), 1e-7);
        Dictionary<string, float[]> gradients = sparse.Gradients();
        foreach ((string name, float[] values) in dense.Gradients().Where(pair => !pair.Key.EndsWith("c_attn.bias", StringComparison.Ordinal)))
        {
            string parameter = name["grad.".Length..];
            if (topology.Tensors.Any(tensor => tensor.Name == parameter))
                for (int i = 0; i < values.Length; i++) values[i] = weights[parameter][i] == 0 ? 0 : values[i];
            Assert.True(Error(gradients[name], values) <= 1e-6, $"{name}: {Error(gradients[name], values)}");
        }
    }

    /// <summary>What is dead is not read: it may be no number.</summary>
    [EmulatedFact]
    public void Products_skip_dead_blocks()
    {
        using CudaDevice gpu = Gpu(DataType.BFloat16);
        using ToyStep step = Step(gpu, "llama-tied-gqa", fused: true, Blocks(32, 32));
        var topology = new LoadedTopology(step.Loaded);
        Change(topology, 0.5, seed: 3);
        double loss = step.RunGradients();
        Dictionary<string, float[]> gradients = step.Gradients();
        ParameterStore weights = ParameterStore.Weights(step.Loaded);
        foreach (SparseTensor tensor in topology.Tensors)
        {
            var values = new float[tensor.Grid.Rows * tensor.Grid.Columns];
            weights.Read(tensor.Name, values);
            weights.Write(tensor.Name, [.. values.Select(x => x == 0 ? float.NaN : x)]);
        }

        Assert.Equal(loss, step.RunGradients());
        foreach ((string name, float[] values) in step.Gradients()) Assert.Equal(gradients[name], values);
    }

    [EmulatedTheory]
    [InlineData(32)]
    [InlineData(8)]
    public void A_step_allocates_nothing(int block)
    {
        using CudaDevice gpu = Gpu(DataType.BFloat16);
        using ToyStep step = Step(gpu, "llama", fused: true, Blocks(block, block));
        var topology = new LoadedTopology(step.Loaded);
        Change(topology, 0.5, seed: 3);
        for (int i = 1; i <= 3; i++) step.Run(i);
        // As of a dense step: the least of several.
        long least = long.MaxValue;
        for (int i = 4; i <= 6; i++)
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            topology.SetDenseGradients(i % 2 == 0);
            step.Run(i);
            least = Math.Min(least, GC.GetAllocatedBytesForCurrentThread() - before);
        }

        Assert.Equal(0, least);
    }

    [Theory]
    [InlineData(DataType.BFloat16, 128, 128, 1)]
    [InlineData(DataType.BFloat16, 32, 32, 1)]
    [InlineData(DataType.BFloat16, 16, 64, 0)]
    [InlineData(DataType.BFloat16, 1, 1, 0)]
    [InlineData(DataType.Float32, 128, 128, 0)]
    public void The_profile_says_what_is_multiplied_densely(DataType precision, int rows, int columns, double density)
        => Assert.Equal(density, CudaProfile.Of(precision).DenseAboveDensity(BlockGrid.Of([256], 256, rows, columns)));
}
