using Litespark.Devices.Cuda.Compilation;
using Litespark.Devices.Cuda.Driver;
using Litespark.Devices.Cuda.Launching;
using Litespark.Graphs.Ops;
using Litespark.Planning;

namespace Litespark.Devices.Cuda.Ops;

/// <summary>Rotary position embedding.</summary>
internal static class RopeOps
{
    /// <summary>Of a block at most: small ones leave fewer registers idle.</summary>
    const int Threads = 128;

    /// <summary>x [N, heads · HeadDim], positions [N], cosines and sines [positions, RotaryDim/2] (float32) → y as x.</summary>
    public static ICudaCall Rope(CudaBinding binding, KernelCall call, Rope op)
    {
        (Operand x, Operand positions, Operand cosines, Operand sines, Operand y) = (call.Inputs[0], call.Inputs[1], call.Inputs[2], call.Inputs[3], call.Outputs[0]);
        int half = op.RotaryDim / 2, heads = x.Columns / op.HeadDim;
        int vector = Packs.Whole(binding, Packs.Width(x.Type()), half, x, y, cosines.Contiguous(), sines.Contiguous());
        if (op.HeadDim % vector != 0) vector = 1;
        int together = Math.Min(binding.Form.HeadsTogether, heads), items = half / vector * ((heads + together - 1) / together);
        int team = Math.Min(items, Threads), tokens = Threads / team;
        return binding.Launch(
            new KernelVariant("rope", CudaBinding.Element(x.Type()), $"VECTOR={vector}", $"HEAD_DIM={op.HeadDim}", $"ROTARY_DIM={op.RotaryDim}", $"HEADS={together}"), "rope", new LaunchShape((x.Rows + tokens - 1) / tokens, team * tokens),
            binding.Address(x), (long)x.Stride, binding.Address(positions), binding.Address(cosines), binding.Address(sines), binding.Address(y), (long)y.Stride, x.Rows, heads, team,
            op.Inverse ? -1f : 1f);
    }
}
