using Litespark.Devices.Cuda.Driver;
using Litespark.Devices.Cuda.Launching;
using Litespark.Planning;

namespace Litespark.Devices.Cuda.Ops;

/// <summary>How a grid goes through matrices of one shape (<c>matrix_walk.cuh</c>): contiguous ones as a single row.</summary>
/// <param name="Rows">Rows, shared among blocks along y.</param>
/// <param name="Columns">Elements of a row, shared among blocks along x.</param>
/// <param name="Vector">Elements that a thread moves at once.</param>
/// <param name="Shape">The launch.</param>
internal readonly record struct MatrixWalk(int Rows, long Columns, int Vector, LaunchShape Shape)
{
    const int Warp = 32, LargestBlock = 256, WidestPiece = 384, ThreadsPerMultiprocessor = 2048, LargestGridY = 65535;

    /// <summary>Goes through matrices whose rows a thread cuts alike; a matrix may be half of a wider one.</summary>
    public static MatrixWalk For(CudaBinding binding, params ReadOnlySpan<Operand> matrices)
    {
        int width = 0;
        bool isContiguous = true;
        foreach (Operand matrix in matrices)
        {
            width = Math.Max(width, Packs.Width(matrix.Type()));
            isContiguous &= matrix.IsContiguous;
        }

        Operand first = matrices[0];
        int rows = isContiguous ? 1 : first.Rows;
        return Over(binding, rows, first.Count() / rows, Packs.Alike(binding, width, matrices.ToArray()));
    }

    /// <summary>Packs that a thread loads at a time.</summary>
    public int Ahead { get; init; } = 1;

    /// <summary>Every row is made of whole packs.</summary>
    public bool IsWhole { get; init; }

    /// <summary>As <see cref="For"/>, in the form that memory-bound kernels take.</summary>
    public static MatrixWalk InForm(CudaBinding binding, params ReadOnlySpan<Operand> matrices)
    {
        MatrixWalk walk = For(binding, matrices);
        MemoryForm form = binding.Form;
        int columns = (int)Math.Min(walk.Columns, int.MaxValue);
        bool isWhole = form.KnowsWholePacks && walk.Columns == columns && walk.Vector > 1 && Packs.Whole(binding, walk.Vector, columns, matrices.ToArray()) == walk.Vector;
        LaunchShape shape = walk.Shape;
        if (form.BlockForEachPiece)
        {
            // Blocks of a size that leaves few threads of a row's last piece without a pack.
            long packs = (walk.Columns + walk.Vector - 1) / walk.Vector + (isWhole ? 0 : 1), pieces = (packs + form.PacksAhead * WidestPiece - 1) / (form.PacksAhead * WidestPiece);
            long threads = (packs + form.PacksAhead * pieces - 1) / (form.PacksAhead * pieces);
            shape = new LaunchShape((int)Math.Min(pieces, int.MaxValue), (int)(threads + Warp - 1) / Warp * Warp, GridY: Math.Min(walk.Rows, LargestGridY));
        }

        return walk with { Ahead = form.PacksAhead, IsWhole = isWhole, Shape = shape };
    }

    /// <summary>Goes through rows of so many elements with packs of so many.</summary>
    public static MatrixWalk Over(CudaBinding binding, int rows, long columns, int vector)
    {
        long packs = (columns + vector - 1) / vector;
        int threads = (int)Math.Clamp((packs + Warp - 1) / Warp * Warp, Warp, LargestBlock);
        long blocks = (long)binding.Gpu.Multiprocessors * ThreadsPerMultiprocessor / threads;
        long x = Math.Min((packs + threads - 1) / threads, blocks), y = Math.Clamp(blocks / x, 1, Math.Min(rows, LargestGridY));
        return new MatrixWalk(rows, columns, vector, new LaunchShape((int)x, threads, GridY: (int)y));
    }
}
