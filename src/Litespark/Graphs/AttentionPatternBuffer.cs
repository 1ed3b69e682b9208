namespace Litespark.Graphs;

/// <summary>
/// The buffer of integers that tells one attention its patterns; the host writes it between steps: mode, window, stride and block of every
/// query head, then the bits of the threshold τ as a float. All zero is dense attention.
/// <para>Kernels may leave out tiles of pairs whose softmax weights are all certain to be below τ times that of a pair that stays: then the
/// pairs left out of a row have less than n · τ of its weight, and its output is off by less than 2 · n · τ · max‖v‖, n of them left out
/// (the output is a mean of the values that stay instead of one of all: two means of values, the other with a weight below n · τ, differ by at
/// most 2 · max‖v‖). τ = 0 leaves out none.</para>
/// </summary>
public static class AttentionPatternBuffer
{
    const int PerHead = 4;

    /// <summary>Length for so many query heads.</summary>
    public static int Length(int heads) => checked(PerHead * heads + 1);

    /// <summary>Query heads that a buffer of this length is for.</summary>
    public static int Heads(int length) => (length - 1) / PerHead;

    /// <summary>Fills a buffer.</summary>
    /// <param name="heads">One pattern for each query head.</param>
    /// <param name="threshold">τ, 0 ≤ τ &lt; 1.</param>
    /// <param name="buffer">What is filled.</param>
    /// <exception cref="ArgumentException">The buffer has not the length for these heads, or the threshold is out of range.</exception>
    public static void Write(ReadOnlySpan<AttentionPattern> heads, float threshold, Span<int> buffer)
    {
        if (buffer.Length != Length(heads.Length)) throw new ArgumentException($"{heads.Length} heads take a buffer of {Length(heads.Length)} integers, not {buffer.Length}.", nameof(buffer));
        if (!(threshold is >= 0 and < 1)) throw new ArgumentOutOfRangeException(nameof(threshold), threshold, "expected 0 ≤ threshold < 1");
        for (int head = 0; head < heads.Length; head++)
        {
            AttentionPattern pattern = heads[head];
            Span<int> entry = buffer.Slice(PerHead * head, PerHead);
            (entry[0], entry[1], entry[2], entry[3]) = ((int)pattern.Mode, pattern.Window, pattern.Stride, pattern.Block);
        }

        buffer[^1] = BitConverter.SingleToInt32Bits(threshold);
    }

    /// <summary>The pattern of a query head.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The buffer holds something else.</exception>
    public static AttentionPattern Read(ReadOnlySpan<int> buffer, int head)
    {
        ReadOnlySpan<int> entry = buffer.Slice(PerHead * head, PerHead);
        return new AttentionPattern((AttentionMode)entry[0], entry[1], entry[2], entry[3]);
    }

    /// <summary>The threshold τ.</summary>
    public static float Threshold(ReadOnlySpan<int> buffer) => BitConverter.Int32BitsToSingle(buffer[^1]);
}
