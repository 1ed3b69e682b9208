using Litespark.Devices.Cuda.Compilation;
using Litespark.Devices.Cuda.Launching;
using Litespark.Graphs;
using Litespark.Graphs.Ops;
using Litespark.Planning;

namespace Litespark.Devices.Cuda.Ops;

/// <summary>Non-linearities, gated linear units, and their gradients.</summary>
internal static class ActivationOps
{
    /// <summary>y = f(x).</summary>
    public static ICudaCall Activation(CudaBinding binding, KernelCall call, Activation op)
    {
        (Operand x, Operand y) = (call.Inputs[0], call.Outputs[0]);
        MatrixWalk walk = MatrixWalk.For(binding, x, y);
        return binding.Launch(Variant(x, op.Kind, walk), "activation", walk.Shape, binding.Address(x), (long)x.Stride, binding.Address(y), (long)y.Stride, walk.Rows, walk.Columns);
    }

    /// <summary>dy, x → dy ∘ f′(x).</summary>
    public static ICudaCall ActivationGradient(CudaBinding binding, KernelCall call, ActivationGradient op)
    {
        (Operand dy, Operand x, Operand dx) = (call.Inputs[0].OfType(call.Inputs[1].Type()), call.Inputs[1], call.Outputs[0]);
        MatrixWalk walk = MatrixWalk.For(binding, dy, x, dx);
        return binding.Launch(Variant(x, op.Kind, walk), "activation_gradient", walk.Shape,
            binding.Address(dy), (long)dy.Stride, binding.Address(x), (long)x.Stride, binding.Address(dx), (long)dx.Stride, walk.Rows, walk.Columns);
    }

    /// <summary>Gate and up side by side [N, 2F] → f(gate) ∘ up [N, F].</summary>
    public static ICudaCall GatedActivation(CudaBinding binding, KernelCall call, GatedActivation op)
    {
        (Operand x, Operand h) = (call.Inputs[0], call.Outputs[0]);
        MatrixWalk walk = MatrixWalk.InForm(binding, h, Half(x, 0), Half(x, 1));
        return binding.Launch(Variant(x, op.Kind, walk), "gated_activation", walk.Shape, binding.Address(x), (long)x.Stride, binding.Address(h), (long)h.Stride, walk.Rows, walk.Columns);
    }

    /// <summary>dh [N, F], gate and up [N, 2F] → their gradients [N, 2F].</summary>
    public static ICudaCall GatedActivationGradient(CudaBinding binding, KernelCall call, GatedActivationGradient op)
    {
        (Operand dh, Operand x, Operand dx) = (call.Inputs[0].OfType(call.Inputs[1].Type()), call.Inputs[1], call.Outputs[0]);
        MatrixWalk walk = MatrixWalk.InForm(binding, dh, Half(x, 0), Half(x, 1), Half(dx, 0), Half(dx, 1));
        return binding.Launch(Variant(x, op.Kind, walk), "gated_activation_gradient", walk.Shape,
            binding.Address(dh), (long)dh.Stride, binding.Address(x), (long)x.Stride, binding.Address(dx), (long)dx.Stride, walk.Rows, walk.Columns);
    }

    /// <summary>Left or right half of the columns.</summary>
    static Operand Half(Operand operand, int half)
    {
        int width = operand.Columns / 2;
        return operand with { Columns = width, Offset = operand.Offset + (long)half * width * operand.Type().Size() };
    }

    /// <summary>The kernels' name of a non-linearity is the enumeration's.</summary>
    static KernelVariant Variant(Operand x, ActivationKind kind, MatrixWalk walk)
        => new("activation", CudaBinding.Element(x.Type()), $"FUNCTION={kind}", $"VECTOR={walk.Vector}", $"WHOLE={(walk.IsWhole ? 1 : 0)}", $"AHEAD={walk.Ahead}");
}
