using Litespark.Devices.Cuda.Compilation;
using Litespark.Devices.Cuda.Driver;
using Litespark.Devices.Cuda.Launching;
using Litespark.Graphs.Ops;
using Litespark.Planning;

namespace Litespark.Devices.Cuda.Ops;

/// <summary>Sums over whole tensors, in two stages of a fixed order, and what follows from them.</summary>
internal static class ReductionOps
{
    const int Threads = 256, BlocksPerMultiprocessor = 8, PacksPerThread = 4;

    /// <summary>x → Σ x [1].</summary>
    public static ICudaCall Sum(CudaBinding binding, KernelCall call)
    {
        var vector = new FlatVector(binding, call.Inputs[0]);
        nint parts = binding.Workspace(vector.PartBytes);
        return new CallSequence(vector.Parts(binding, "sum", parts), vector.Total(binding, parts, binding.Address(call.Outputs[0]), accumulate: 0));
    }

    /// <summary>x → Σ x² [1], plus what the output holds.</summary>
    public static ICudaCall SumOfSquares(CudaBinding binding, KernelCall call)
    {
        var vector = new FlatVector(binding, call.Inputs[0]);
        nint parts = binding.Workspace(vector.PartBytes);
        return new CallSequence(vector.Parts(binding, "sum_of_squares", parts), vector.Total(binding, parts, binding.Address(call.Outputs[0]), call.Accumulates(0)));
    }

    /// <summary>x → x / (‖x‖ + ε).</summary>
    public static ICudaCall Normalize(CudaBinding binding, KernelCall call, Normalize op)
    {
        (Operand x, Operand y) = (call.Inputs[0], call.Outputs[0].Contiguous());
        var vector = new FlatVector(binding, x, y);
        nint parts = binding.Workspace(vector.PartBytes + sizeof(float)), squares = parts + (nint)vector.PartBytes;
        return new CallSequence(
            vector.Parts(binding, "sum_of_squares", parts),
            vector.Total(binding, parts, squares, accumulate: 0),
            binding.Launch(vector.Variant, "normalize", new LaunchShape(vector.Blocks, Threads), binding.Address(x), x.Count(), squares, op.Epsilon, binding.Address(y)));
    }

    /// <summary>Σ g² [1] → norm, factor [1].</summary>
    public static ICudaCall ClipFactor(CudaBinding binding, KernelCall call, ClipFactor op)
        => binding.Launch(new KernelVariant("clip_factor"), "clip_factor", new LaunchShape(1, 1),
            binding.Address(call.Inputs[0]), op.MaxNorm, binding.Address(call.Outputs[0]), binding.Address(call.Outputs[1]));

    /// <summary>A tensor as one row, and how it is shared out among blocks.</summary>
    readonly struct FlatVector
    {
        readonly Operand x;

        public FlatVector(CudaBinding binding, Operand x, Operand? y = null)
        {
            this.x = x.Contiguous();
            int width = Packs.Alike(binding, Packs.Width(x.Type()), x with { Rows = 1 }, y is null ? null : y with { Rows = 1 });
            long packs = x.Count() / width + 2;
            Blocks = (int)Math.Clamp(packs / (Threads * PacksPerThread), 1, binding.Gpu.Multiprocessors * BlocksPerMultiprocessor);
            Variant = new KernelVariant("reductions", CudaBinding.Element(x.Type()), $"VECTOR={width}", $"TEAM={Threads}", $"THREADS={Threads}");
        }

        public KernelVariant Variant { get; }

        public int Blocks { get; }

        public long PartBytes => (long)Blocks * sizeof(double);

        public KernelLaunch Parts(CudaBinding binding, string kernel, nint parts)
            => binding.Launch(Variant, kernel, new LaunchShape(Blocks, Threads), binding.Address(x), x.Count(), parts);

        public KernelLaunch Total(CudaBinding binding, nint parts, nint y, int accumulate)
            => binding.Launch(Variant, "total", new LaunchShape(1, Threads), parts, Blocks, y, accumulate);
    }
}
