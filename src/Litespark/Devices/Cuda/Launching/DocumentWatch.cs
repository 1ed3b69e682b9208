using Litespark.Graphs;
using Litespark.Planning;

namespace Litespark.Devices.Cuda.Launching;

/// <summary>
/// Looks at where documents start when the host writes it, so that calls that know nothing of documents are made only where every
/// row is a single one. What was never written is zero: rows are whole then.
/// </summary>
internal sealed class DocumentWatch
{
    readonly List<Watched> watched = [];

    /// <summary>Whether all that is watched is zero: each row is one document.</summary>
    public bool RowsAreWhole { get; private set; } = true;

    /// <summary>Watches an operand; false where the host does not write it, so that nothing can be known of it.</summary>
    public bool Watch(Operand starts)
    {
        if (starts.Arena != ArenaKind.Persistent || starts.Value.Type.DataType != DataType.Int32 || !starts.IsContiguous) return false;
        if (!watched.Exists(item => item.Offset == starts.Offset)) watched.Add(new Watched(starts.Offset, (long)starts.Rows * starts.Columns));
        return true;
    }

    /// <summary>The host writes integers into the persistent arena. What is written in part counts as whole only if it was so before.</summary>
    /// <param name="offset">Bytes from the arena's start.</param>
    /// <param name="values">What is written.</param>
    public void Written(long offset, ReadOnlySpan<int> values)
    {
        bool all = true;
        foreach (Watched item in watched)
        {
            long first = (offset - item.Offset) / sizeof(int), end = first + values.Length;
            if (first < item.Length && end > 0)
            {
                ReadOnlySpan<int> own = values[(int)Math.Max(-first, 0)..(int)(Math.Min(end, item.Length) - first)];
                bool isZero = !own.ContainsAnyExcept(0);
                item.IsZero = isZero && (item.IsZero || own.Length == item.Length);
            }

            all &= item.IsZero;
        }

        RowsAreWhole = all;
    }

    sealed class Watched(long offset, long length)
    {
        public long Offset => offset;

        public long Length => length;

        public bool IsZero { get; set; } = true;
    }
}

/// <summary>One of two calls that do the same where every row is a single document: one that knows nothing of documents, and one that does.</summary>
internal sealed class DocumentChoice(DocumentWatch documents, ICudaCall whole, ICudaCall packed) : ICudaCall
{
    ICudaCall Chosen => documents.RowsAreWhole ? whole : packed;

    /// <inheritdoc/>
    public string? Library => Chosen.Library;

    /// <inheritdoc/>
    public void Enqueue(nint stream) => Chosen.Enqueue(stream);

    /// <inheritdoc/>
    public void Dispose()
    {
        whole.Dispose();
        packed.Dispose();
    }
}
