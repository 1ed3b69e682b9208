using Litespark.Devices.Cuda.Compilation;
using Litespark.Devices.Cuda.Driver;
using Litespark.Devices.Cuda.Launching;
using Litespark.Planning;

namespace Litespark.Devices.Cuda.Ops;

/// <summary>Sums over the rows of a matrix.</summary>
internal static class ColumnSumOps
{
    const int Warp = 32, Threads = 256, BlocksPerMultiprocessor = 8, SmallestShare = 32;

    /// <summary>x [N, D] → Σ over its rows [D] (float32), plus what the output holds.</summary>
    public static ICudaCall ColumnSum(CudaBinding binding, KernelCall call)
    {
        Operand x = call.Inputs[0];
        int vector = Packs.Whole(binding, Packs.Width(x.Type()), x.Columns, x), width = Warp * vector;
        int across = (x.Columns + width - 1) / width;

        // As many shares of the rows as fill the GPU, but each of some rows: the shares' sums are added up by a second kernel.
        int shares = Math.Clamp(binding.Gpu.Multiprocessors * BlocksPerMultiprocessor / across, 1, (x.Rows + SmallestShare - 1) / SmallestShare);
        int share = (x.Rows + shares - 1) / shares;
        shares = (x.Rows + share - 1) / share;
        nint parts = binding.Workspace((long)shares * x.Columns * sizeof(float));
        return new CallSequence(
            binding.Launch(
                new KernelVariant("column_sum", CudaBinding.Element(x.Type()), $"VECTOR={vector}", $"THREADS={Threads}"), "column_sum", new LaunchShape(across, Threads, GridY: shares),
                binding.Address(x), (long)x.Stride, x.Rows, x.Columns, share, parts),
            Totals(binding, parts, shares, call, output: 0));
    }

    /// <summary>Adds up rows of partial sums [rows, D] into a call's output [D], plus what that holds where the op accumulates.</summary>
    public static KernelLaunch Totals(CudaBinding binding, nint parts, int rows, KernelCall call, int output)
    {
        const int Columns = 32, TotalThreads = 1024;
        int columns = checked((int)call.Outputs[output].Contiguous().Count());
        return binding.Launch(
            new KernelVariant("column_totals"), "column_totals", new LaunchShape((columns + Columns - 1) / Columns, TotalThreads, TotalThreads * sizeof(float)),
            parts, rows, columns, binding.Address(call.Outputs[output]), call.Accumulates(output));
    }
}
