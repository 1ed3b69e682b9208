namespace Litespark.Devices.Cpu.Kernels;

/// <summary>
/// First stage of the reductions over rows: the rows are cut into blocks of a fixed size, each with a partial result of its own,
/// so that the sum does not depend on which worker met which block.
/// </summary>
internal sealed unsafe class RowBlockPartials : IDisposable
{
    const int BlockRows = 32;
    const int LineFloats = 16;

    readonly NativeBuffer memory;

    /// <summary>Room for <paramref name="width"/> sums per block of a matrix of rows × columns.</summary>
    public RowBlockPartials(int rows, int columns, int width)
    {
        Tiles = Cut(rows, columns);
        int stride = (width + LineFloats - 1) / LineFloats * LineFloats;
        memory = new((long)Tiles.Count * stride * sizeof(float));
        All = new(memory.Floats, Tiles.Count, width, stride);
    }

    /// <summary>The blocks, one per task.</summary>
    public Tiling Tiles { get; }

    /// <summary>All partial sums, one row per block.</summary>
    public Matrix All { get; }

    /// <summary>Blocks of rows of a matrix of this shape.</summary>
    public static Tiling Cut(int rows, int columns) => Tiling.RowBlocks(rows, columns, BlockRows);

    /// <summary>The partial sums of a task, set to zero.</summary>
    public float* Clear(int task)
    {
        float* partial = All.Row(task);
        new Span<float>(partial, All.Columns).Clear();
        return partial;
    }

    /// <inheritdoc/>
    public void Dispose() => memory.Dispose();
}
