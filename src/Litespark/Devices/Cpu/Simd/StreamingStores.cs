using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;

namespace Litespark.Devices.Cpu.Simd;

/// <summary>
/// Stores that pass the caches by: a line that is written whole need not be read before, and drives nothing out. They pay where results are
/// large and little is computed for each. Other threads see them in order only after <see cref="Finish"/>.
/// </summary>
internal static unsafe class StreamingStores
{
    // Floats per cache line.
    const int CacheLine = 16;

    /// <summary>16 MiB: a smaller result is still in the last cache when it is read, which takes it faster than memory does.</summary>
    public const long LeastFloats = 1 << 22;

    /// <summary>1 MiB: while a thread computes, memory takes what it has written; a smaller result is still in the second cache when it is read.</summary>
    public const long LeastFloatsBesideWork = 1 << 18;

    /// <summary>Whether this processor has them.</summary>
    public static bool Exist => Sse.IsSupported;

    /// <summary>Whether so many floats are whole cache lines.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool AreWholeLines(nint floats) => floats % CacheLine == 0;

    /// <summary>Whether rows of whole cache lines, so many floats apart, begin and end with a line.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Fit(float* row, nint stride, int columns) => (nuint)row % (CacheLine * sizeof(float)) == 0 && AreWholeLines(stride) && AreWholeLines(columns);

    /// <summary>Whether they pay for a result of a kernel that does little but move memory: it is large, of whole lines, written once, and none of the
    /// operands, whose lines are in the caches already.</summary>
    public static bool Pay(Matrix result, params ReadOnlySpan<Matrix> operands)
    {
        foreach (Matrix operand in operands)
            if (operand.Data == result.Data) return false;
        return Suit(result, LeastFloats);
    }

    /// <summary>Whether they pay for a result that is written once, between computations.</summary>
    public static bool PayBesideWork(Matrix result) => Suit(result, LeastFloatsBesideWork);

    static bool Suit(Matrix result, long least)
        => Exist && (long)result.Rows * result.Columns >= least && Fit(result.Data, result.Stride, result.Columns);

    /// <summary>Waits until all of this thread's are done.</summary>
    public static void Finish()
    {
        if (Sse.IsSupported) Sse.StoreFence();
    }
}
