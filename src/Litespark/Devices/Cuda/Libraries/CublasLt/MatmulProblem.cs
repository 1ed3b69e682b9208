using Litespark.Graphs;

namespace Litespark.Devices.Cuda.Libraries.CublasLt;

/// <summary>Products of one form whose operands lie at even distances: their number, and elements from each A, B and C to the next (0 for one that they share).</summary>
internal readonly record struct MatmulBatch(int Count, long StrideA, long StrideB, long StrideC)
{
    /// <inheritdoc/>
    public override string ToString() => $"{Count} times, every {StrideA} {StrideB} {StrideC}";
}

/// <summary>
/// A matrix product over row-major matrices: C [M, N] = α · op(A) · op(B) (+ bias [N]) (+ C), op(A) [M, K], op(B) [K, N]; or a
/// batch of them. All that the choice of an algorithm depends on.
/// </summary>
/// <param name="M">Rows of C.</param>
/// <param name="N">Columns of C.</param>
/// <param name="K">Length of the sums.</param>
/// <param name="TransposeA">A is stored as [K, M].</param>
/// <param name="TransposeB">B is stored as [N, K].</param>
/// <param name="StrideA">Elements from row to row of A as stored.</param>
/// <param name="StrideB">Elements from row to row of B as stored.</param>
/// <param name="StrideC">Elements from row to row of C.</param>
/// <param name="Operands">Element type of A and B.</param>
/// <param name="Output">Element type of C and of the bias. Sums are fp32.</param>
/// <param name="HasBias">A bias is added to every row.</param>
/// <param name="Accumulates">What C held is added.</param>
/// <param name="Alignment">What the addresses of A, B, C and the bias are all multiples of, in bytes, 16 at most.</param>
internal sealed record MatmulProblem(
    int M, int N, int K, bool TransposeA, bool TransposeB, int StrideA, int StrideB, int StrideC, DataType Operands, DataType Output, bool HasBias, bool Accumulates, int Alignment = 16)
{
    /// <summary>How many there are, and where; one where nothing else is said.</summary>
    public MatmulBatch Batch { get; init; } = new(1, 0, 0, 0);

    /// <summary>Elements of A as stored, from its first to the last of its last.</summary>
    public long LengthA => Length(TransposeA ? K : M, TransposeA ? M : K, StrideA, Batch.StrideA);

    /// <summary>Elements of B as stored.</summary>
    public long LengthB => Length(TransposeB ? N : K, TransposeB ? K : N, StrideB, Batch.StrideB);

    /// <summary>Elements of C.</summary>
    public long LengthC => Length(M, N, StrideC, Batch.StrideC);

    /// <summary>Floating-point operations of all of them, a multiply-add counting as two.</summary>
    public double Flops => 2.0 * M * N * K * Batch.Count;

    /// <summary>Whether cuBLASLt has such products: fp32 operands give fp32.</summary>
    public bool IsSupported => Operands is DataType.Float32 or DataType.BFloat16 && Output is DataType.Float32 or DataType.BFloat16 && (Operands == DataType.BFloat16 || Output == DataType.Float32);

    /// <summary>The problem with the alignment of operands at certain addresses (0 for a bias that is not there).</summary>
    public MatmulProblem At(nint a, nint b, nint c, nint bias)
    {
        int size = Operands.Size();
        return this with { Alignment = AlignmentOf(a, b, c, bias, (nint)(Batch.StrideA * size), (nint)(Batch.StrideB * size), (nint)(Batch.StrideC * Output.Size())) };
    }

    /// <summary>Largest power of two, 16 at most (no algorithm wants more), that all addresses are multiples of.</summary>
    public static int AlignmentOf(params ReadOnlySpan<nint> addresses)
    {
        nint bits = 16;
        foreach (nint address in addresses) bits |= address;
        return (int)(bits & -bits); // the lowest bit that is set in any
    }

    /// <summary>One line that names the problem, in files too.</summary>
    public override string ToString()
        => $"{M}x{N}x{K} {(TransposeA ? 't' : 'n')}{(TransposeB ? 't' : 'n')} strides {StrideA} {StrideB} {StrideC} {Name(Operands)} to {Name(Output)}{(HasBias ? " +bias" : "")}{(Accumulates ? " +c" : "")}{(Batch.Count > 1 ? $" {Batch}" : "")} aligned {Alignment}";

    static string Name(DataType type) => type == DataType.BFloat16 ? "bf16" : "fp32";

    long Length(int rows, int columns, int stride, long next) => (Batch.Count - 1) * next + (long)(rows - 1) * stride + columns;
}
