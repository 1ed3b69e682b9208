using BenchmarkDotNet.Attributes;
using Litespark.Benchmarks.Measuring;
using Litespark.Graphs;
using Litespark.Graphs.Ops;

namespace Litespark.Benchmarks.Kernels;

/// <summary>What sparse training runs: the layer of gate and up with a tenth of its blocks live, and attention in a pattern.</summary>
public class SparseBenchmarks : KernelBenchmarks
{
    const int Block = 16, OneLiveOf = 10;

    BoundOp forward = null!, inputGradient = null!, weightGradient = null!, denseGradient = null!, norms = null!, zeroDead = null!, sumOfSquares = null!, adamw = null!;
    BoundOp attention = null!, attentionGradient = null!;

    /// <inheritdoc/>
    protected override void Bind()
    {
        BlockGrid grid = BlockGrid.Of([Inner, Inner], Hidden, Block, Block);
        TensorType x = new(new Shape(Tokens, grid.Columns)), y = new(new Shape(Tokens, grid.Rows)), weight = new(new Shape(grid.Rows, grid.Columns));
        var topology = new TensorType(new Shape(grid.TopologyLength), DataType.Int32);
        forward = Sparse(grid, new BlockSparseMatMul(grid, TransposeWeight: true), x, weight, topology);
        inputGradient = Sparse(grid, new BlockSparseMatMul(grid, TransposeWeight: false), y, weight, topology);
        weightGradient = Sparse(grid, new BlockSparseWeightGradient(grid, DataType.Float32), y, x, topology);
        denseGradient = Sparse(grid, new BlockSparseWeightGradient(grid, DataType.Float32), y, x, topology);
        denseGradient.Integers(2)[BlockTopology.Mode] = BlockTopology.DenseGradients;
        norms = Of(new BlockNorms(grid), weight);
        zeroDead = Sparse(grid, new ZeroDeadBlocks(grid), weight, topology);
        sumOfSquares = Sparse(grid, new BlockSparseSumOfSquares(grid), weight, topology);
        adamw = Sparse(grid, new BlockSparseAdamW(grid, 0.9f, 0.95f, 1e-8f, 0.1f), weight, weight, weight, weight, topology, new TensorType(new Shape(3)), new TensorType(new Shape(1)));
        MemoryCases.PrepareAdamW(adamw, schedule: 5);

        Models.TransformerSpec spec = Shape.Spec;
        var g = new AttentionGeometry(Shape.MicroBatch, Shape.SequenceLength, spec.NumAttentionHeads, spec.NumKeyValueHeads, spec.HeadDim);
        float scale = 1 / MathF.Sqrt(spec.HeadDim);
        TensorType wide = new(new Shape(g.Tokens, g.Heads * g.HeadDim)), narrow = new(new Shape(g.Tokens, g.KeyValueHeads * g.HeadDim));
        TensorType statistics = new(new Shape(g.Sequences, g.Heads, g.SequenceLength)), starts = new(new Shape(g.Tokens), DataType.Int32);
        TensorType patterns = new(new Shape(AttentionPatternBuffer.Length(g.Heads)), DataType.Int32);
        attention = Of(new Attention(g, 0, scale) { HasPattern = true }, wide, narrow, narrow, starts, patterns);
        attentionGradient = Of(new AttentionGradient(g, 0, scale) { HasPattern = true }, wide, narrow, narrow, wide, statistics, starts, wide, patterns);
        int reach = Math.Max(1, g.SequenceLength / 8);
        AttentionPattern[] heads = [.. Enumerable.Repeat(new AttentionPattern(AttentionMode.LocalOrStrided, reach, reach, block: 1), g.Heads)];
        AttentionPatternBuffer.Write(heads, 0, attention.Integers(4));
        AttentionPatternBuffer.Write(heads, 0, attentionGradient.Integers(7));
    }

    /// <summary>The kernel of an op whose topology has about one block of ten alive, drawn at random.</summary>
    BoundOp Sparse(BlockGrid grid, BlockSparseOp op, params TensorType[] inputs)
    {
        BoundOp kernel = Of(op, inputs);
        var random = new Random(1);
        bool[] live = [.. Enumerable.Range(0, grid.Count).Select(_ => random.Next(OneLiveOf) == 0)];
        BlockTopology.Write(grid, live, denseGradients: false, kernel.Integers(op.TopologyInput));
        return kernel;
    }

    [Benchmark]
    public void Block_sparse_forward() => forward.Run();

    [Benchmark]
    public void Block_sparse_input_gradient() => inputGradient.Run();

    [Benchmark]
    public void Block_sparse_weight_gradient() => weightGradient.Run();

    [Benchmark]
    public void Weight_gradient_of_all_blocks() => denseGradient.Run();

    [Benchmark]
    public void Block_norms() => norms.Run();

    [Benchmark]
    public void Zero_dead_blocks() => zeroDead.Run();

    [Benchmark]
    public void Block_sparse_sum_of_squares() => sumOfSquares.Run();

    [Benchmark]
    public void Block_sparse_adamw() => adamw.Run();

    [Benchmark]
    public void Attention_in_a_pattern() => attention.Run();

    [Benchmark]
    public void Attention_gradient_in_a_pattern() => attentionGradient.Run();
}
