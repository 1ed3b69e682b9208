using Litespark.Devices.Cuda.Ops;
using Litespark.Graphs.Ops;
using Litespark.Planning;

namespace Litespark.Devices.Cuda.Libraries.Cudnn;

/// <summary>A plan's call of attention or of its gradient, in cuDNN's terms.</summary>
/// <param name="Problem">What a plan of cuDNN's depends on.</param>
/// <param name="Window">Tokens that a query sees; 0 for all before it.</param>
/// <param name="DocumentStarts">Where the documents of its rows start.</param>
/// <param name="Operands">In the order of the problem's graph.</param>
internal sealed record AttentionCall(AttentionProblem Problem, int Window, Operand DocumentStarts, params Operand[] Operands)
{
    /// <summary>Whether a window hides tokens: cuDNN's graph has none.</summary>
    public bool HasWindow => Window > 0 && Window < Problem.Geometry.SequenceLength;

    /// <summary>q, k, v, document starts → o, log-sum-exp of each row, as the op has them: natural logarithms, float32 [B, H, T].</summary>
    public static AttentionCall Of(KernelCall call, Attention op)
    {
        (Operand q, Operand k, Operand v, Operand o) = (call.Inputs[0], call.Inputs[1], call.Inputs[2], call.Outputs[0]);
        var problem = new AttentionProblem(op.Geometry, op.Scale, new AttentionStrides(q.Stride, k.Stride, v.Stride, o.Stride));
        return new AttentionCall(problem, op.Window, call.Inputs[3], q, k, v, o, call.Outputs[1].Contiguous());
    }

    /// <summary>q, k, v, o, log-sum-exp, document starts, dO → dQ, dK, dV.</summary>
    public static AttentionCall Of(KernelCall call, AttentionGradient op)
    {
        (Operand q, Operand k, Operand v, Operand o) = (call.Inputs[0], call.Inputs[1], call.Inputs[2], call.Inputs[3]);
        (Operand dO, Operand dQ, Operand dK, Operand dV) = (call.Inputs[6], call.Outputs[0], call.Outputs[1], call.Outputs[2]);
        var problem = new AttentionProblem(op.Geometry, op.Scale, new AttentionStrides(q.Stride, k.Stride, v.Stride, o.Stride), new AttentionStrides(dQ.Stride, dK.Stride, dV.Stride, dO.Stride));
        return new AttentionCall(problem, op.Window, call.Inputs[5], q, k, v, o, call.Inputs[4].Contiguous(), dO, dQ, dK, dV);
    }
}
