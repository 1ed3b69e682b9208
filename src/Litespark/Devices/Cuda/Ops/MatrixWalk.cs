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
    const int Warp = 32, LargestBlock = 256, ThreadsPerMultiprocessor = 2048, LargestGridY = 65535;

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
