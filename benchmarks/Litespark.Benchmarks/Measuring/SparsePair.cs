using Litespark.Devices.Cpu;
using Litespark.Devices.Cpu.Kernels;
using Litespark.Graphs;
using Litespark.Models;
using Litespark.Planning;

namespace Litespark.Benchmarks.Measuring;

/// <summary>The linear layers of a block, as the plan fuses them.</summary>
/// <param name="Name">Which one.</param>
/// <param name="Members">Rows of the fused weights.</param>
/// <param name="Columns">Inputs.</param>
internal sealed record SparseLayer(string Name, int[] Members, int Columns)
{
    /// <summary>Outputs.</summary>
    public int Rows => Members.Sum();

    const string Down = "down";

    /// <summary>Whether nothing but products and activations has to do with the inputs.</summary>
    public bool OwnInputs => Name == Down;

    /// <summary>Whether nothing but products, activations and views has to do with the outputs.</summary>
    public bool OwnOutputs => Members.Length > 1;

    /// <summary>The layers of a model.</summary>
    public static IReadOnlyList<SparseLayer> Of(TransformerSpec spec)
    {
        int queries = spec.NumAttentionHeads * spec.HeadDim, keys = spec.NumKeyValueHeads * spec.HeadDim;
        return
        [
            new("qkv", [queries, keys, keys], spec.HiddenSize), new("o", [spec.HiddenSize], queries),
            new("gate+up", [spec.IntermediateSize, spec.IntermediateSize], spec.HiddenSize), new(Down, [spec.HiddenSize], spec.IntermediateSize),
        ];
    }
}

/// <summary>The three products of training a linear layer, each by the dense and by the block-sparse kernel on the same operands; live blocks are drawn at random.</summary>
internal sealed unsafe class SparsePair : IDisposable
{
    readonly WorkerPool pool;
    readonly List<NativeBuffer> buffers = [];
    readonly List<CpuKernel> kernels = [];

    public SparsePair(WorkerPool pool, SparseLayer layer, int tokens, int block, double density)
    {
        this.pool = pool;
        var random = new Random(1);
        BlockGrid grid = BlockGrid.Of(layer.Members, layer.Columns, block, block);
        int* topology = (int*)New(grid.TopologyLength);
        bool[] live = new bool[grid.Count];
        Live = Math.Max(1, (int)Math.Round(grid.Count * density));
        foreach (int i in Drawn(random, grid.Count, Live)) live[i] = true;
        BlockTopology.Write(grid, live, denseGradients: false, new Span<int>(topology, grid.TopologyLength));
        LiveElements = Enumerable.Range(0, grid.Count).Sum(i => live[i] ? (double)grid.Elements(i) : 0);

        // Activations lie as plans lay them out, which leave room between rows where no norm and no attention reads or writes them; weights without gaps.
        Matrix Activation(int columns, bool own)
        {
            int stride = own ? DeviceProfile.Cpu.RowStride(tokens, columns) : columns;
            return new(New((long)tokens * stride), tokens, columns, stride);
        }

        Matrix Inputs() => Activation(grid.Columns, layer.OwnInputs);
        Matrix Outputs() => Activation(grid.Rows, layer.OwnOutputs);
        Matrix Weights() => new(New((long)grid.Rows * grid.Columns), grid.Rows, grid.Columns);
        Matrix x = Filled(random, Inputs()), dy = Filled(random, Outputs()), w = Filled(random, Weights());
        Run(new ZeroDeadBlocksKernel(pool, w, grid, topology));
        (Matrix y, Matrix sparseY) = (Outputs(), Outputs());
        (Matrix dx, Matrix sparseDx) = (Inputs(), Inputs());
        (Matrix dw, Matrix sparseDw) = (Weights(), Weights());
        Products =
        [
            Product("forward", new GemmKernel(pool, x, false, w, true, y), new BlockSparseGemmKernel(pool, x, w, true, grid, topology, sparseY), y, sparseY),
            Product("input gradient", new GemmKernel(pool, dy, false, w, false, dx), new BlockSparseGemmKernel(pool, dy, w, false, grid, topology, sparseDx), dx, sparseDx),
            Product("weight gradient", new GemmKernel(pool, dy, true, x, false, dw), new BlockSparseWeightGradientKernel(pool, dy, x, grid, topology, sparseDw, false, zeroDead: false),
                dw, sparseDw, new ZeroDeadBlocksKernel(pool, dw, grid, topology), new ZeroDeadBlocksKernel(pool, sparseDw, grid, topology)),
        ];
    }

    /// <summary>Live blocks.</summary>
    public int Live { get; }

    /// <summary>Weights in live blocks.</summary>
    public double LiveElements { get; }

    /// <summary>Name, the dense side, the sparse side, the largest difference of their results in live blocks.</summary>
    public IReadOnlyList<(string Name, Action Dense, Action Sparse, double Error)> Products { get; }

    public void Dispose()
    {
        foreach (CpuKernel kernel in kernels) kernel.Dispose();
        foreach (NativeBuffer buffer in buffers) buffer.Dispose();
    }

    (string Name, Action Dense, Action Sparse, double Error) Product(string name, CpuKernel dense, CpuKernel sparse, Matrix expected, Matrix actual, params CpuKernel[] before)
    {
        kernels.AddRange([dense, sparse, .. before]);
        foreach (CpuKernel kernel in (CpuKernel[])[dense, sparse, .. before]) kernel.Run(pool);
        return (name, () => dense.Run(pool), () => sparse.Run(pool), Statistics.RelativeError(Elements(actual), Elements(expected)));
    }

    static Span<float> Elements(Matrix matrix) => new(matrix.Data, matrix.Rows * matrix.Stride);

    static int[] Drawn(Random random, int count, int drawn)
    {
        int[] order = [.. Enumerable.Range(0, count)];
        random.Shuffle(order);
        return order[..drawn];
    }

    void Run(CpuKernel kernel)
    {
        kernels.Add(kernel);
        kernel.Run(pool);
    }

    float* New(long floats)
    {
        buffers.Add(new NativeBuffer(floats * sizeof(float)));
        return buffers[^1].Floats;
    }

    static Matrix Filled(Random random, Matrix matrix)
    {
        for (int row = 0; row < matrix.Rows; row++) RandomNumbers.Fill(random, matrix.Row(row), matrix.Columns);
        return matrix;
    }
}
