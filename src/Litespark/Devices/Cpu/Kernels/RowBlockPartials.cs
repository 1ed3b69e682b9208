namespace Litespark.Devices.Cpu.Kernels;

/// <summary>
/// First stage of the reductions over rows: the rows are cut into blocks of a fixed size, each with partial sums of its own,
/// so that the total does not depend on which worker met which block. The sums live in the pool's shared scratch memory,
/// which all kernels of a plan have in common.
/// </summary>
internal sealed unsafe class RowBlockPartials
{
    const int BlockRows = 32;
    const int LineFloats = 16;

    readonly WorkerPool pool;
    readonly int width, stride;
    readonly long offset;

    /// <summary>Room for <paramref name="width"/> sums per block of a matrix of rows × columns, behind that of <paramref name="before"/>.</summary>
    public RowBlockPartials(WorkerPool pool, int rows, int columns, int width, RowBlockPartials? before = null)
    {
        this.pool = pool;
        this.width = width;
        Tiles = Cut(rows, columns);
        stride = (width + LineFloats - 1) / LineFloats * LineFloats;
        offset = before?.End ?? 0;
        pool.ReserveSharedScratch(End);
    }

    /// <summary>The blocks, one per task.</summary>
    public Tiling Tiles { get; }

    /// <summary>All partial sums, one row per block; look it up while running, for a later reservation moves the memory.</summary>
    public Matrix All => new(pool.SharedScratch + offset, Tiles.Count, width, stride);

    /// <summary>Sums per block.</summary>
    public int Width => width;

    long End => offset + (long)Tiles.Count * stride;

    /// <summary>Blocks of rows of a matrix of this shape.</summary>
    public static Tiling Cut(int rows, int columns) => Tiling.RowBlocks(rows, columns, BlockRows);

    /// <summary>The partial sums of a task, set to zero.</summary>
    public float* Clear(int task)
    {
        float* partial = All.Row(task);
        new Span<float>(partial, width).Clear();
        return partial;
    }
}
