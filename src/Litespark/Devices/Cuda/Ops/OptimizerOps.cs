using Litespark.Devices.Cuda.Compilation;
using Litespark.Devices.Cuda.Driver;
using Litespark.Devices.Cuda.Launching;
using Litespark.Graphs;
using Litespark.Graphs.Ops;
using Litespark.Planning;

namespace Litespark.Devices.Cuda.Ops;

/// <summary>Weight updates.</summary>
internal static class OptimizerOps
{
    const int Threads = 256, BlocksPerMultiprocessor = 16;

    /// <summary>weight, gradient, m, v, schedule [3], clip factor [1], copy of the weight if there is one; updated in place.</summary>
    public static ICudaCall AdamW(CudaBinding binding, KernelCall call, AdamW op)
    {
        (Operand weight, Operand gradient, Operand m, Operand v) = (call.Inputs[0], call.Inputs[1], call.Inputs[2], call.Inputs[3]);
        Operand? copy = op.HasCopy ? call.Inputs[6] : null;
        return Launch(binding, "adamw", copy, DataType.Float32, [weight, gradient, m, v, copy],
            binding.Address(weight), binding.Address(gradient), binding.Address(m), binding.Address(v), AddressOf(binding, copy), weight.Count(),
            binding.Address(call.Inputs[4]), binding.Address(call.Inputs[5]),
            (float)(1 - (double)op.Beta1), op.Beta2, (float)(1 - (double)op.Beta2), op.Epsilon, op.WeightDecay);
    }

    /// <summary>gradient, momentum (updated in place), clip factor [1] → update.</summary>
    public static ICudaCall Momentum(CudaBinding binding, KernelCall call, Momentum op)
    {
        (Operand gradient, Operand momentum, Operand update) = (call.Inputs[0], call.Inputs[1], call.Outputs[0]);
        return Launch(binding, "momentum_update", copy: null, update.Type(), [gradient, momentum, update],
            binding.Address(gradient), binding.Address(momentum), gradient.Count(), op.Beta, op.Nesterov ? 1 : 0, binding.Address(call.Inputs[2]), binding.Address(update));
    }

    /// <summary>weight (in place), update, learning rate [1], copy of the weight if there is one.</summary>
    public static ICudaCall ScaledUpdate(CudaBinding binding, KernelCall call, ScaledUpdate op)
    {
        (Operand weight, Operand update) = (call.Inputs[0], call.Inputs[1]);
        Operand? copy = op.HasCopy ? call.Inputs[3] : null;
        return Launch(binding, "scaled_update", copy, update.Type(), [weight, update, copy],
            binding.Address(weight), binding.Address(update), AddressOf(binding, copy), weight.Count(), op.Factor, op.WeightDecay, binding.Address(call.Inputs[2]));
    }

    /// <summary>The operands as rows of one length, walked through side by side; the first is float32.</summary>
    static KernelLaunch Launch(CudaBinding binding, string kernel, Operand? copy, DataType update, Operand?[] operands, params ReadOnlySpan<KernelArgument> arguments)
    {
        Operand?[] rows = [.. operands.Select(operand => operand is null ? null : operand.Contiguous() with { Rows = 1 })];
        int width = Packs.Alike(binding, Packs.Width(DataType.Float32), rows);
        long packs = operands[0]!.Count() / width + 2;
        int blocks = (int)Math.Min((packs + Threads - 1) / Threads, binding.Gpu.Multiprocessors * BlocksPerMultiprocessor);
        var variant = new KernelVariant(
            "optimizer", CudaBinding.Element(copy?.Type() ?? DataType.Float32, "COPY"), CudaBinding.Element(update, "UPDATE"), $"VECTOR={width}", $"THREADS={Threads}");
        return binding.Launch(variant, kernel, new LaunchShape(blocks, Threads), arguments);
    }

    static nint AddressOf(CudaBinding binding, Operand? operand) => operand is null ? 0 : binding.Address(operand);
}
