using Litespark.Devices.Cuda.Launching;
using Litespark.Graphs;
using Litespark.Graphs.Ops;
using Litespark.Planning;

namespace Litespark.Devices.Cuda.Ops;

/// <summary>Binds a dense product.</summary>
internal delegate ICudaCall DenseProduct(CudaBinding binding, KernelCall call, MatMul op);

/// <summary>
/// Ops over block-sparse weights. A recorded plan cannot ask how many blocks live, so that what multiplies is chosen by the grid alone: our
/// kernels over live blocks, right at any density, where blocks are large enough for tensor cores; else the dense product, which over a weight
/// whose dead blocks are zero gives the same.
/// </summary>
internal static class BlockSparseOps
{
    /// <summary>Rows and columns of a block that is a whole tile both ways.</summary>
    public const int BestBlock = 128;

    /// <summary>Smaller blocks leave more than half of a tile of 64 × 64 unused, or more than nothing of a step of 32.</summary>
    const int SmallestBlock = 32;

    /// <summary>Whether products over a grid of blocks skip what is dead.</summary>
    public static bool IsSparse(DataType precision, BlockGrid grid)
        => precision == DataType.BFloat16 && Math.Min(grid.BlockRows, grid.Rows) >= SmallestBlock && grid.Width(0) >= SmallestBlock;

    /// <summary>x, weight, topology (, bias) → x · Wᵀ or x · W (+ bias), plus what the output holds.</summary>
    public static ICudaCall Product(CudaBinding binding, KernelCall call, BlockSparseMatMul op, DenseProduct dense, SparseKernel? kernel)
    {
        (Operand x, Operand weight, Operand y) = (call.Inputs[0], call.Inputs[1], call.Outputs[0]);
        if (!IsSparse(x.Type(), op.Grid))
        {
            var product = new MatMul(false, op.TransposeWeight, op.HasBias) { Addends = op.Addends };
            return dense(binding, WithoutTopology(call, product), product);
        }

        GemmMatrix bias = op.HasBias ? Matrix(binding, call.Inputs[3].Contiguous()) : default;
        return BlockSparseKernels.Product(binding, Blocks(binding, call, op), x.Rows, Matrix(binding, x), Matrix(binding, weight.OfType(x.Type())), op.TransposeWeight, Matrix(binding, y), bias, alpha: 1, call.Accumulates(0) != 0, kernel);
    }

    /// <summary>
    /// a, b, topology → aᵀ · b in live blocks, or in all where the topology asks for it, plus what the output holds. In dead blocks a gradient that
    /// stays is zero from the start and from every change of topology on; one that does not is zeroed.
    /// </summary>
    public static ICudaCall WeightGradient(CudaBinding binding, KernelCall call, BlockSparseWeightGradient op, DenseProduct dense, SparseKernel? kernel)
    {
        (Operand a, Operand b, Operand y) = (call.Inputs[0], call.Inputs[1], call.Outputs[0]);
        BlocksOnGpu blocks = Blocks(binding, call, op);
        if (IsSparse(a.Type(), op.Grid))
            return BlockSparseKernels.WeightGradient(binding, blocks, a.Rows, Matrix(binding, a), Matrix(binding, b.OfType(a.Type())), Matrix(binding, y), call.Accumulates(0) != 0, zeroDead: y.Arena == ArenaKind.Transient, kernel);
        var product = new MatMul(true, false) { ResultType = op.ResultType, Addends = op.Addends };
        ICudaCall zeros = BlockSparseKernels.ZeroDead(binding, blocks, Matrix(binding, y), isGradient: true); // bound first: a library's product is not the binding's
        return new CallSequence(dense(binding, WithoutTopology(call, product), product), zeros);
    }

    /// <summary>x → mean of |x| in every block.</summary>
    public static ICudaCall Norms(CudaBinding binding, KernelCall call, BlockNorms op)
        => BlockSparseKernels.Norms(binding, BlocksOnGpu.Of(binding, op.Grid, topology: 0), Matrix(binding, call.Inputs[0]), binding.Address(call.Outputs[0].Contiguous()));

    /// <summary>x (in place), topology.</summary>
    public static ICudaCall ZeroDead(CudaBinding binding, KernelCall call, ZeroDeadBlocks op)
        => BlockSparseKernels.ZeroDead(binding, Blocks(binding, call, op), Matrix(binding, call.Inputs[0]), isGradient: false);

    /// <summary>x (in place), topology, means of all blocks.</summary>
    public static ICudaCall FillDead(CudaBinding binding, KernelCall call, FillDeadBlocks op)
        => BlockSparseKernels.FillDead(binding, Blocks(binding, call, op), Matrix(binding, call.Inputs[0]), binding.Address(call.Inputs[2].Contiguous().OfType(DataType.Float32)));

    /// <summary>x, topology → Σ x² over the live blocks [1], plus what the output holds.</summary>
    public static ICudaCall SumOfSquares(CudaBinding binding, KernelCall call, BlockSparseSumOfSquares op)
        => BlockSparseKernels.SumOfSquares(binding, Blocks(binding, call, op), Matrix(binding, call.Inputs[0]), binding.Address(call.Outputs[0]), call.Accumulates(0) != 0);

    /// <summary>weight, gradient, m, v, topology, schedule [3], clip factor [1], copy of the weight if there is one; live blocks are updated in place.</summary>
    public static ICudaCall AdamW(CudaBinding binding, KernelCall call, BlockSparseAdamW op)
    {
        nint Float(int index) => binding.Address(call.Inputs[index].Contiguous().OfType(DataType.Float32));
        GemmMatrix copy = op.HasCopy ? Matrix(binding, call.Inputs[7].Contiguous()) : default;
        return BlockSparseKernels.AdamW(binding, Blocks(binding, call, op), Matrix(binding, call.Inputs[0].Contiguous().OfType(DataType.Float32)), Float(1), Float(2), Float(3), copy, Float(5), Float(6),
            op.Beta1, op.Beta2, op.Epsilon, op.WeightDecay);
    }

    static BlocksOnGpu Blocks(CudaBinding binding, KernelCall call, BlockSparseOp op) => BlocksOnGpu.Of(binding, op.Grid, binding.Address(call.Inputs[op.TopologyInput].Contiguous()));

    /// <summary>The call as a dense product makes it.</summary>
    static KernelCall WithoutTopology(KernelCall call, MatMul op)
    {
        Operand[] inputs = [.. call.Inputs.Where((_, index) => index != ((BlockSparseOp)call.Op).TopologyInput)];
        var node = new Node(op, [.. inputs.Select(operand => operand.Value)], [.. call.Outputs.Select(operand => operand.Value)], call.Phase, call.Layer);
        return new KernelCall(node, inputs, call.Outputs);
    }

    static GemmMatrix Matrix(CudaBinding binding, Operand operand) => new(binding.Address(operand), operand.Type(), operand.Stride);
}
