namespace Litespark.Data;

/// <summary>
/// The token inputs of one micro-batch: <c>Rows × SequenceLength</c> positions, row after row, in native memory that
/// is filled in place (no managed allocation per step).
/// Shape legend: N = Rows · SequenceLength.
/// </summary>
public sealed unsafe class MicroBatch : IDisposable
{
    /// <summary>A target that takes no part in the loss.</summary>
    public const int IgnoredTarget = -1;

    readonly NativeBuffer buffer;

    /// <summary>Allocates a batch of <paramref name="rows"/> sequences.</summary>
    public MicroBatch(int rows, int sequenceLength)
    {
        Rows = rows;
        SequenceLength = sequenceLength;
        buffer = new NativeBuffer(4L * 4 * rows * sequenceLength);
    }

    /// <summary>Sequences in the batch.</summary>
    public int Rows { get; }

    /// <summary>Tokens per sequence.</summary>
    public int SequenceLength { get; }

    /// <summary>All positions: Rows × SequenceLength.</summary>
    public int Length => Rows * SequenceLength;

    /// <summary>Input token ids [N].</summary>
    public Span<int> Tokens => Plane(0);

    /// <summary>The token that follows each input [N], or <see cref="IgnoredTarget"/>.</summary>
    public Span<int> Targets => Plane(1);

    /// <summary>
    /// Position of each token inside its document [N]: restarts at 0 where a document starts, and at the start of a row,
    /// since a row cannot attend to the one before.
    /// </summary>
    public Span<int> Positions => Plane(2);

    /// <summary>
    /// For each token, the index within its row (0 ≤ start ≤ own index) of the first token that it may attend to:
    /// where its document starts in this row [N].
    /// </summary>
    public Span<int> DocumentStarts => Plane(3);

    /// <summary>Targets that count towards the loss.</summary>
    public int CountTargets()
    {
        int count = 0;
        foreach (int target in Targets) if (target != IgnoredTarget) count++;
        return count;
    }

    /// <summary>Kernels turn these numbers into addresses: makes sure that each is in its range.</summary>
    /// <param name="vocabulary">Rows of the embedding and of the output head.</param>
    /// <exception cref="UserErrorException">A token or a target is not in the vocabulary.</exception>
    /// <exception cref="InvalidOperationException">A position or a document start is out of its row.</exception>
    public void Check(int vocabulary)
    {
        RequireRange(Tokens, 0, vocabulary - 1, vocabulary);
        RequireRange(Targets, IgnoredTarget, vocabulary - 1, vocabulary);
        if (!InRange(Positions, 0, SequenceLength - 1) || !InRange(DocumentStarts, 0, SequenceLength - 1))
            throw new InvalidOperationException($"a position or a document start lies outside its row of {SequenceLength}");
    }

    static void RequireRange(ReadOnlySpan<int> values, int low, int high, int vocabulary)
    {
        if (!InRange(values, low, high))
            throw new UserErrorException($"The data holds a token id that the model does not have: its vocabulary has {vocabulary} entries, 0 to {vocabulary - 1}. "
                + "Use the tokenizer that belongs to the model, or a model with a larger vocab_size.");
    }

    static bool InRange(ReadOnlySpan<int> values, int low, int high)
    {
        int smallest = int.MaxValue, largest = int.MinValue;
        foreach (int value in values)
        {
            smallest = Math.Min(smallest, value);
            largest = Math.Max(largest, value);
        }

        return smallest >= low && largest <= high;
    }

    /// <inheritdoc/>
    public void Dispose() => buffer.Dispose();

    Span<int> Plane(int index) => new((int*)buffer.Pointer + (nint)index * Length, Length);
}
