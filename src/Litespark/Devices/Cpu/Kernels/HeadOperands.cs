namespace Litespark.Devices.Cpu.Kernels;

/// <summary>
/// What the backward pass of attention reads and writes for one query head of one sequence: all matrices are [T, head_dim],
/// k, v, dK and dV those of the head's key/value head; LogSumExp [T].
/// </summary>
internal readonly unsafe struct HeadOperands(Matrix q, Matrix k, Matrix v, Matrix o, Matrix dO, float* logSumExp, Matrix dQ, Matrix dK, Matrix dV)
{
    public readonly Matrix Q = q, K = k, V = v, O = o, DO = dO, DQ = dQ, DK = dK, DV = dV;
    public readonly float* LogSumExp = logSumExp;
}
