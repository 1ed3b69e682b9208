using BenchmarkDotNet.Attributes;
using Litespark.Benchmarks.Measuring;
using Litespark.Devices.Cpu;
using Litespark.Graphs;
using Litespark.Models;

namespace Litespark.Benchmarks.Kernels;

/// <summary>What the benchmarks of kernels share: a pool, the sizes, the kernels' memory.</summary>
public abstract class KernelBenchmarks
{
    /// <summary>More than one, so that handing out tasks is a part of what is measured.</summary>
    const int FewestThreads = 2;

    readonly List<BoundOp> bound = [];
    WorkerPool? pool;

    /// <summary>Shapes of all benchmarks; the check of allocations sets the smallest.</summary>
    internal static ModelShape Shape { get; set; } = ModelShape.All[0];

    /// <summary>Shapes that take next to no time.</summary>
    internal static ModelShape Smallest { get; } = new("1m", ModelPresets.Get("llama-1m"), 2, 64);

    /// <summary>Tokens of the micro-batch.</summary>
    protected static int Tokens => Shape.Tokens;

    /// <summary>Width of the residual stream.</summary>
    protected static int Hidden => Shape.Spec.HiddenSize;

    /// <summary>Width of the MLP.</summary>
    protected static int Inner => Shape.Spec.IntermediateSize;

    /// <summary>Rows of the embedding.</summary>
    protected static int Vocabulary => Shape.Spec.VocabSize;

    /// <summary>Binds the kernels.</summary>
    [GlobalSetup]
    public void Start()
    {
        pool = new WorkerPool(Math.Max(FewestThreads, Environment.ProcessorCount));
        Bind();
    }

    /// <summary>Frees them.</summary>
    [GlobalCleanup]
    public void End()
    {
        foreach (BoundOp op in bound) op.Dispose();
        bound.Clear();
        pool?.Dispose();
    }

    /// <summary>Makes the kernels of this class with <see cref="Of(Op, TensorType[])"/>.</summary>
    protected abstract void Bind();

    /// <summary>The kernel of an op.</summary>
    internal BoundOp Of(Op op, params TensorType[] inputs)
    {
        BoundOp kernel = BoundOp.Create(pool!, op, inputs);
        bound.Add(kernel);
        return kernel;
    }

    /// <summary>The kernel of one of the <see cref="MemoryCases"/>, at the sizes of a step.</summary>
    internal BoundOp Of(string name, int rows)
    {
        BoundOp kernel = MemoryCases.Of(Shape).Single(one => one.Name == name).Create(pool!, rows);
        bound.Add(kernel);
        return kernel;
    }
}
