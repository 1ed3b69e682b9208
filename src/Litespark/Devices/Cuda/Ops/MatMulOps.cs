using Litespark.Devices.Cuda.Launching;
using Litespark.Graphs.Ops;
using Litespark.Planning;

namespace Litespark.Devices.Cuda.Ops;

/// <summary>Matrix products with kernels of our own.</summary>
internal static class MatMulOps
{
    /// <summary>a, b (, bias) → α · op(a) · op(b) (+ bias), plus what the output holds.</summary>
    public static ICudaCall MatMul(CudaBinding binding, KernelCall call, MatMul op) => Product(binding, call, op).Bind(binding);

    /// <summary>The product that a call asks for.</summary>
    public static Gemm Product(CudaBinding binding, KernelCall call, MatMul op)
    {
        (Operand a, Operand b, Operand c) = (call.Inputs[0], call.Inputs[1], call.Outputs[0]);
        int k = op.TransposeA ? a.Rows : a.Columns;
        return new Gemm(c.Rows, c.Columns, k, Matrix(binding, a), op.TransposeA, Matrix(binding, b), op.TransposeB, Matrix(binding, c))
        {
            Alpha = op.Alpha,
            Bias = op.HasBias ? Matrix(binding, call.Inputs[2].Contiguous()) : default,
            Accumulate = call.Accumulates(0) != 0,
        };
    }

    /// <summary>q, k → scores; p, v → o; p, dO → dV (dS, q → dK): the products that a call asks for, one for each head, see <see cref="HeadProductKind"/>.</summary>
    public static Gemm Product(CudaBinding binding, KernelCall call, HeadProduct op)
    {
        AttentionGeometry g = op.Geometry;
        (Operand x, Operand y, Operand z) = (call.Inputs[0], call.Inputs[1], call.Outputs[0]);
        (int tokens, int width, int group) = (g.SequenceLength, g.HeadDim, g.Heads / g.KeyValueHeads);
        long square = (long)tokens * tokens;
        GemmMatrix Rows(Operand operand, int heads = 1) => Matrix(binding, operand) with
        {
            Sequence = (long)tokens * operand.Stride, Head = (long)heads * width, Segment = width,
        };
        GemmMatrix Scores(Operand operand, int heads = 1) => new(binding.Address(operand.Contiguous()), operand.Type(), tokens, g.Heads * square, heads * square, square);
        Gemm product = op.Kind switch
        {
            HeadProductKind.Scores => new(tokens, tokens, width, Rows(x), false, Rows(y), true, Scores(z)) { Heads = g.Heads, Group = group },
            HeadProductKind.Mix => new(tokens, width, tokens, Scores(x), false, Rows(y), false, Rows(z)) { Heads = g.Heads, Group = group },
            _ => new(tokens, width, tokens, Scores(x, group), true, Rows(y, group), false, Rows(z)) { Heads = g.KeyValueHeads, Segments = group },
        };
        return product with { Sequences = g.Sequences, Alpha = op.Scale };
    }

    static GemmMatrix Matrix(CudaBinding binding, Operand operand) => new(binding.Address(operand), operand.Type(), operand.Stride);
}
