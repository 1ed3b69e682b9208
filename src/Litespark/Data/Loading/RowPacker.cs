namespace Litespark.Data.Loading;

/// <summary>
/// Packs documents back to back into rows. A row holds T inputs; the target of its last input is the next row's first
/// token, so every token of text is predicted exactly once, from what generation begins a text with:
/// <list type="bullet">
/// <item>Documents with a prefix (beginning of text) start at it. Nothing predicts the prefix itself, masked or not: a
/// prompt gives it.</item>
/// <item>Without one, the end-of-text token that closes a document is the first thing that the next one sees: it predicts
/// the next document's first token from nothing else.</item>
/// </list>
/// A document that goes on in the next row starts anew there: attention cannot reach the row before.
/// Shape legend: T = sequence length.
/// </summary>
internal static class RowPacker
{
    /// <summary>
    /// Fills row <paramref name="row"/> with the next tokens of <paramref name="source"/> and returns its number of targets.
    /// At most <paramref name="available"/> tokens are taken: the rest of the row is padding, without targets.
    /// </summary>
    public static int Fill(ITokenSource source, MicroBatch batch, int row, bool documentMask, long available = long.MaxValue, int padding = 0)
    {
        int length = batch.SequenceLength;
        Span<int> tokens_T = batch.Tokens.Slice(row * length, length);
        Span<int> targets_T = batch.Targets.Slice(row * length, length);
        Span<int> positions_T = batch.Positions.Slice(row * length, length);
        Span<int> starts_T = batch.DocumentStarts.Slice(row * length, length);
        int end = (int)Math.Min(length, available);
        int targets = 0;
        int filled = 0;
        int start = 0;
        while (filled < end)
        {
            int from = filled;
            int text = from + source.PrefixLeft;
            filled += source.Read(tokens_T[from..end]);
            for (int i = from; i < filled; i++)
            {
                starts_T[i] = start;
                positions_T[i] = i - start;
                bool predicts = i + 1 < filled && i + 1 >= text;
                targets_T[i] = predicts ? tokens_T[i + 1] : MicroBatch.IgnoredTarget;
                if (predicts) targets++;
            }
            bool prefixFollows = source.PrefixLeft > 0;
            if (documentMask && source.AtDocumentStart)
            {
                start = prefixFollows ? filled : filled - 1;
                if (!prefixFollows) (starts_T[start], positions_T[start]) = (start, 0);
            }

            if (filled == available || prefixFollows) continue;
            targets_T[filled - 1] = source.Peek();
            targets++;
        }
        for (int i = filled; i < length; i++)
        {
            tokens_T[i] = padding;
            targets_T[i] = MicroBatch.IgnoredTarget;
            positions_T[i] = 0;
            starts_T[i] = i;
        }
        return targets;
    }
}
