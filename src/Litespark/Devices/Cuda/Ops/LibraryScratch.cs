using Litespark.Devices.Cuda.Libraries.CublasLt;
using Litespark.Graphs.Ops;
using Litespark.Planning;

namespace Litespark.Devices.Cuda.Ops;

/// <summary>The scratch memory that calls take where cuBLASLt multiplies: known without a GPU, so that a forecast has it.</summary>
internal static class LibraryScratch
{
    /// <summary>Bytes for a call: the library's workspace, and what sums over several products are added up from; 0 where it does not multiply.</summary>
    public static long Of(KernelCall call) => call.Op switch
    {
        HeadProduct op => CublasLtContext.WorkspaceBytes + PartialBytes(op),
        MatMul => CublasLtContext.WorkspaceBytes,
        BlockSparseMatMul or BlockSparseWeightGradient => BlockSparseOps.IsSparse(call.Inputs[0].Type(), ((BlockSparseOp)call.Op).Grid) ? 0 : CublasLtContext.WorkspaceBytes,
        _ => 0,
    };

    /// <summary>A key head's gradient sums over the query heads that share it: their products in fp32, those of one sequence (<see cref="HeadBatches"/>).</summary>
    static long PartialBytes(HeadProduct op)
    {
        AttentionGeometry g = op.Geometry;
        return op.Kind == HeadProductKind.MixTransposed && g.Heads > g.KeyValueHeads ? (long)g.Heads * g.SequenceLength * Gemm.PartialColumns(g.HeadDim) * sizeof(float) : 0;
    }
}
