using Litespark.Devices.Cuda.Compilation;
using Litespark.Devices.Cuda.Driver;
using Litespark.Devices.Cuda.Launching;
using Litespark.Graphs;
using Litespark.Planning;

namespace Litespark.Devices.Cuda.Ops;

/// <summary>Cross-entropy and its gradient. A block takes one token's row of logits.</summary>
internal static class LossOps
{
    /// <summary>Static shared memory of the kernels and what the driver keeps for itself, generously.</summary>
    const int ReservedSharedBytes = 4096;

    /// <summary>logits [N, V], targets [N] → losses, log-sum-exp [N].</summary>
    public static ICudaCall CrossEntropy(CudaBinding binding, KernelCall call)
    {
        Operand logits = call.Inputs[0];
        int vector = Packs.Alike(binding, Packs.Width(logits.Type()), logits);
        return Launch(binding, "cross_entropy", logits, vector, sharedBytes: 0,
            binding.Address(logits), (long)logits.Stride, Vector(binding, call.Inputs[1]), Vector(binding, call.Outputs[0]), Vector(binding, call.Outputs[1]), logits.Columns);
    }

    /// <summary>logits [N, V], targets, log-sum-exp [N], scale [1] → dLogits [N, V].</summary>
    public static ICudaCall CrossEntropyGradient(CudaBinding binding, KernelCall call)
    {
        (Operand logits, Operand gradient) = (call.Inputs[0], call.Outputs[0]);
        int vector = Packs.Alike(binding, Packs.Width(logits.Type()), logits, gradient);
        return Launch(binding, "cross_entropy_gradient", logits, vector, sharedBytes: 0,
            binding.Address(logits), (long)logits.Stride, Vector(binding, call.Inputs[1]), Vector(binding, call.Inputs[2]), Vector(binding, call.Inputs[3]),
            binding.Address(gradient), (long)gradient.Stride, logits.Columns);
    }

    /// <summary>logits [N, V], targets [N], scale [1] → losses [N], dLogits [N, V].</summary>
    public static ICudaCall CrossEntropyWithGradient(CudaBinding binding, KernelCall call)
    {
        (Operand logits, Operand gradient) = (call.Inputs[0], call.Outputs[1]);
        int vector = Packs.Alike(binding, Packs.Width(logits.Type()), logits, gradient);
        int packBytes = vector * logits.Type().Size(), packs = logits.Columns / vector + 2;
        int held = Math.Min(packs, (binding.Gpu.SharedMemoryPerBlock - ReservedSharedBytes) / packBytes);
        return Launch(binding, "cross_entropy_with_gradient", logits, vector, held * packBytes,
            binding.Address(logits), (long)logits.Stride, Vector(binding, call.Inputs[1]), Vector(binding, call.Inputs[2]), Vector(binding, call.Outputs[0]),
            binding.Address(gradient), (long)gradient.Stride, logits.Columns, held);
    }

    static KernelLaunch Launch(CudaBinding binding, string kernel, Operand logits, int vector, int sharedBytes, params ReadOnlySpan<KernelArgument> arguments)
    {
        // A block is one team, however short its row.
        var team = RowTeam.For(logits.Columns, vector);
        string[] defines = [CudaBinding.Element(logits.Type()), $"VECTOR={vector}", $"TEAM={team.Size}", $"THREADS={team.Size}"];
        return binding.Launch(new KernelVariant("cross_entropy", defines), kernel, new LaunchShape(logits.Rows, team.Size, sharedBytes), arguments);
    }

    static nint Vector(CudaBinding binding, Operand operand) => binding.Address(operand.Contiguous());
}
