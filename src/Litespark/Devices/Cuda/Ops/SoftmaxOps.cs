using Litespark.Devices.Cuda.Compilation;
using Litespark.Devices.Cuda.Driver;
using Litespark.Devices.Cuda.Launching;
using Litespark.Graphs.Ops;
using Litespark.Planning;

namespace Litespark.Devices.Cuda.Ops;

/// <summary>What attention with materialised scores is made of beside its products.</summary>
internal static class SoftmaxOps
{
    /// <summary>x → softmax of each row.</summary>
    public static ICudaCall Softmax(CudaBinding binding, KernelCall call)
    {
        (Operand x, Operand y) = (call.Inputs[0], call.Outputs[0]);
        return Launch(binding, "softmax", x, Packs.Alike(binding, Packs.Width(x.Type()), x, y),
            binding.Address(x), (long)x.Stride, binding.Address(y), (long)y.Stride, x.Rows, x.Columns);
    }

    /// <summary>dy, y → dx.</summary>
    public static ICudaCall SoftmaxGradient(CudaBinding binding, KernelCall call)
    {
        (Operand dy, Operand y, Operand dx) = (call.Inputs[0], call.Inputs[1], call.Outputs[0]);
        return Launch(binding, "softmax_gradient", dy, Packs.Alike(binding, Packs.Width(dy.Type()), dy, y, dx),
            binding.Address(dy), (long)dy.Stride, binding.Address(y), (long)y.Stride, binding.Address(dx), (long)dx.Stride, dy.Rows, dy.Columns);
    }

    /// <summary>scores [B, H, T, T], document starts [N] (, patterns [4·H + 1]) → masked scores.</summary>
    public static ICudaCall CausalMask(CudaBinding binding, KernelCall call, CausalMask op)
    {
        (Operand scores, Operand masked) = (call.Inputs[0].Contiguous(), call.Outputs[0].Contiguous());
        return Launch(binding, "causal_mask", scores, Packs.Alike(binding, Packs.Width(scores.Type()), scores, masked),
            binding.Address(scores), binding.Address(call.Inputs[1].Contiguous()), op.HasPattern ? binding.Address(call.Inputs[2].Contiguous()) : 0, binding.Address(masked),
            scores.Rows, op.Geometry.Heads, op.Geometry.SequenceLength, op.Window);
    }

    static KernelLaunch Launch(CudaBinding binding, string kernel, Operand rows, int vector, params ReadOnlySpan<KernelArgument> arguments)
    {
        var team = RowTeam.For(rows.Columns, vector);
        return binding.Launch(new KernelVariant("softmax", team.Defines(rows.Type(), vector)), kernel, new LaunchShape(team.Blocks(rows.Rows), team.Threads), arguments);
    }
}
