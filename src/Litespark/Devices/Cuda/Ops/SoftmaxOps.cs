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
        return Launch(binding, "softmax", [x, y],
            binding.Address(x), (long)x.Stride, binding.Address(y), (long)y.Stride, x.Rows, x.Columns);
    }

    /// <summary>dy, y → dx.</summary>
    public static ICudaCall SoftmaxGradient(CudaBinding binding, KernelCall call)
    {
        (Operand dy, Operand y, Operand dx) = (call.Inputs[0], call.Inputs[1], call.Outputs[0]);
        return Launch(binding, "softmax_gradient", [dy, y, dx],
            binding.Address(dy), (long)dy.Stride, binding.Address(y), (long)y.Stride, binding.Address(dx), (long)dx.Stride, dy.Rows, dy.Columns);
    }

    /// <summary>scores [B, H, T, T], document starts [N] (, patterns [4·H + 1]) → masked scores.</summary>
    public static ICudaCall CausalMask(CudaBinding binding, KernelCall call, CausalMask op)
    {
        (Operand scores, Operand masked) = (call.Inputs[0].Contiguous(), call.Outputs[0].Contiguous());
        return Walk(binding, "causal_mask", scores, Packs.Alike(binding, Packs.Width(scores.Type()), scores, masked),
            binding.Address(scores), binding.Address(call.Inputs[1].Contiguous()), op.HasPattern ? binding.Address(call.Inputs[2].Contiguous()) : 0, binding.Address(masked),
            scores.Rows, op.Geometry.Heads, op.Geometry.SequenceLength, op.Window);
    }

    /// <summary>Rows are held in registers where they are made of whole packs and not too long; else a kernel walks through them twice.</summary>
    static KernelLaunch Launch(CudaBinding binding, string kernel, Operand[] matrices, params ReadOnlySpan<KernelArgument> arguments)
    {
        Operand rows = matrices[0];
        int width = Packs.Width(rows.Type()), packs = rows.Columns / width;
        if (Packs.Whole(binding, width, rows.Columns, matrices) != width || RowTeam.Holding(packs, binding.Form.HeldPacks) is not { } team)
            return Walk(binding, kernel, rows, Packs.Alike(binding, width, matrices), arguments);
        var variant = new KernelVariant("softmax_held", [.. team.Defines(rows.Type(), width), $"CHUNKS={(packs + team.Size - 1) / team.Size}"]);
        return binding.Launch(variant, kernel, new LaunchShape(team.Blocks(rows.Rows), team.Threads), arguments);
    }

    static KernelLaunch Walk(CudaBinding binding, string kernel, Operand rows, int vector, params ReadOnlySpan<KernelArgument> arguments)
    {
        var team = RowTeam.For(rows.Columns, vector);
        return binding.Launch(new KernelVariant("softmax", team.Defines(rows.Type(), vector)), kernel, new LaunchShape(team.Blocks(rows.Rows), team.Threads), arguments);
    }
}
