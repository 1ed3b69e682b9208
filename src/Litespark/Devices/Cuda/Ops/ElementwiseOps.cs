using Litespark.Devices.Cuda.Compilation;
using Litespark.Devices.Cuda.Launching;
using Litespark.Graphs.Ops;
using Litespark.Planning;

namespace Litespark.Devices.Cuda.Ops;

/// <summary>Copies, conversions, and sums and products element by element.</summary>
internal static class ElementwiseOps
{
    /// <summary>y = x.</summary>
    public static ICudaCall Copy(CudaBinding binding, KernelCall call) => Convert(binding, call.Inputs[0], call.Outputs[0]);

    /// <summary>y = x in the output's element type.</summary>
    public static ICudaCall Cast(CudaBinding binding, KernelCall call) => Convert(binding, call.Inputs[0], call.Outputs[0]);

    /// <summary>y = a + b.</summary>
    public static ICudaCall Add(CudaBinding binding, KernelCall call) => Combine(binding, call, "add");

    /// <summary>y = a ∘ b.</summary>
    public static ICudaCall Multiply(CudaBinding binding, KernelCall call) => Combine(binding, call, "multiply");

    /// <summary>y = x · factor.</summary>
    public static ICudaCall Scale(CudaBinding binding, KernelCall call, Scale op)
    {
        (Operand x, Operand y) = (call.Inputs[0], call.Outputs[0]);
        MatrixWalk walk = MatrixWalk.For(binding, x, y);
        return binding.Launch(Variant(x, y, walk), "scale", walk.Shape,
            binding.Address(x), (long)x.Stride, op.Factor, binding.Address(y), (long)y.Stride, walk.Rows, walk.Columns);
    }

    /// <summary>All of y is one number.</summary>
    public static ICudaCall Fill(CudaBinding binding, KernelCall call, Fill op) => Fill(binding, call.Outputs[0], op.Content);

    /// <summary>Fills a matrix.</summary>
    public static KernelLaunch Fill(CudaBinding binding, Operand y, float content)
    {
        MatrixWalk walk = MatrixWalk.For(binding, y);
        return binding.Launch(Variant(y, y, walk), "fill", walk.Shape, content, binding.Address(y), (long)y.Stride, walk.Rows, walk.Columns);
    }

    static KernelLaunch Convert(CudaBinding binding, Operand x, Operand y)
    {
        MatrixWalk walk = MatrixWalk.For(binding, x, y);
        return binding.Launch(Variant(x, y, walk), "convert", walk.Shape, binding.Address(x), (long)x.Stride, binding.Address(y), (long)y.Stride, walk.Rows, walk.Columns);
    }

    static KernelLaunch Combine(CudaBinding binding, KernelCall call, string kernel)
    {
        (Operand a, Operand b, Operand y) = (call.Inputs[0], call.Inputs[1].OfType(call.Inputs[0].Type()), call.Outputs[0]);
        MatrixWalk walk = MatrixWalk.For(binding, a, b, y);
        return binding.Launch(Variant(a, y, walk), kernel, walk.Shape,
            binding.Address(a), (long)a.Stride, binding.Address(b), (long)b.Stride, binding.Address(y), (long)y.Stride, walk.Rows, walk.Columns);
    }

    static KernelVariant Variant(Operand x, Operand y, MatrixWalk walk)
        => new("elementwise", CudaBinding.Element(x.Type()), CudaBinding.Element(y.Type(), "RESULT"), $"VECTOR={walk.Vector}");
}
