namespace Litespark.Data.Loading;

/// <summary>
/// Packs documents back to back into rows. A row holds T inputs; the target of its last input is the next row's first
/// token, so every token is predicted exactly once. The end-of-text token that closes a document is the first thing that
/// the next one sees: it predicts the next document's first token from nothing else, which is how a text is begun in
/// generation. A document that goes on in the next row starts anew there: attention cannot reach the row before.
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
            filled += source.Read(tokens_T[from..end]);
            for (int i = from; i < filled; i++)
            {
                starts_T[i] = start;
                positions_T[i] = i - start;
                targets_T[i] = i + 1 < filled ? tokens_T[i + 1] : MicroBatch.IgnoredTarget;
            }
            targets += filled - from - 1;
            if (documentMask && source.AtDocumentStart)
            {
                start = filled - 1;
                starts_T[start] = start;
                positions_T[start] = 0;
            }

            if (filled == available) continue;
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
