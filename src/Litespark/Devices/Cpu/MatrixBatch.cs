namespace Litespark.Devices.Cpu;

/// <summary>
/// A three-level batch of equally shaped matrices: matrix (i, j, k) starts at
/// <c>First.Data + i·StrideI + j·StrideJ + k·StrideK</c> (in elements; 0 shares one matrix along that level).
/// Attention heads: i = sequence, j = key/value head, k = query head within its group.
/// </summary>
internal readonly struct MatrixBatch(Matrix first, long strideI, long strideJ, long strideK)
{
    public readonly Matrix First = first;
    public readonly long StrideI = strideI;
    public readonly long StrideJ = strideJ;
    public readonly long StrideK = strideK;
}
