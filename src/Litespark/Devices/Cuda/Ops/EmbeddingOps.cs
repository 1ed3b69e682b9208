using Litespark.Devices.Cuda.Compilation;
using Litespark.Devices.Cuda.Driver;
using Litespark.Devices.Cuda.Launching;
using Litespark.Planning;

namespace Litespark.Devices.Cuda.Ops;

/// <summary>Table lookup and its gradient.</summary>
internal static class EmbeddingOps
{
    const int Warp = 32, RankThreads = 256;

    /// <summary>indices [N], table [V, D] → y [N, D], plus what y holds.</summary>
    public static ICudaCall Embedding(CudaBinding binding, KernelCall call)
    {
        (Operand indices, Operand table, Operand y) = (call.Inputs[0], call.Inputs[1], call.Outputs[0]);
        int vector = Packs.Whole(binding, Packs.Width(y.Type()), y.Columns, table, y);
        MatrixWalk walk = MatrixWalk.Over(binding, y.Rows, y.Columns, vector);
        return binding.Launch(
            new KernelVariant("embedding", CudaBinding.Element(y.Type()), $"VECTOR={vector}"), "embedding", walk.Shape,
            binding.Address(indices), binding.Address(table), (long)table.Stride, binding.Address(y), (long)y.Stride, y.Rows, y.Columns, call.Accumulates(0));
    }

    /// <summary>indices [N], dy [N, D] → dTable [V, D] (float32), plus what it holds.</summary>
    public static ICudaCall EmbeddingGradient(CudaBinding binding, KernelCall call)
    {
        (Operand indices, Operand dy, Operand table) = (call.Inputs[0], call.Inputs[1], call.Outputs[0]);
        int tokens = dy.Rows, vector = Packs.Whole(binding, Packs.Width(dy.Type()), dy.Columns, dy, table);
        nint sorted = binding.Workspace((long)tokens * sizeof(int));
        var variant = new KernelVariant("embedding_gradient", CudaBinding.Element(dy.Type()), $"VECTOR={vector}");
        KernelLaunch rank = binding.Launch(variant, "rank_tokens", new LaunchShape((tokens + Warp - 1) / Warp, RankThreads), binding.Address(indices), tokens, sorted);
        MatrixWalk walk = MatrixWalk.Over(binding, tokens, dy.Columns, vector);
        KernelLaunch add = binding.Launch(variant, "add_runs", walk.Shape,
            binding.Address(indices), sorted, tokens, binding.Address(dy), (long)dy.Stride, binding.Address(table), (long)table.Stride, dy.Columns);
        return call.Accumulates(0) != 0 ? new CallSequence(rank, add) : new CallSequence(ElementwiseOps.Fill(binding, table, 0), rank, add);
    }
}
