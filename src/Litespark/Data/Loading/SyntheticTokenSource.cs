namespace Litespark.Data.Loading;

/// <summary>
/// Tokens drawn evenly from the vocabulary: every one a function of the seed and its place, so that any position is
/// reached at once.
/// </summary>
/// <param name="vocabSize">Tokens are below it.</param>
/// <param name="seed">Another seed, other tokens.</param>
/// <param name="documentTokens">Length of the documents, each ending with token 0; 0 = one endless document.</param>
internal sealed class SyntheticTokenSource(int vocabSize, ulong seed, int documentTokens) : ITokenSource
{
    long document;
    long offset;

    /// <inheritdoc/>
    public TokenPosition Position
    {
        get => new(0, document, offset);
        set => (document, offset) = (value.Document, value.Offset);
    }

    /// <inheritdoc/>
    public bool AtDocumentStart => offset == 0;

    /// <inheritdoc/>
    public int PrefixLeft => 0;

    /// <inheritdoc/>
    public int Peek()
    {
        if (documentTokens > 0 && offset == documentTokens - 1) return 0;
        ulong random = SplitMix.At(seed, (ulong)(document * documentTokens + offset));
        return (int)Math.BigMul(random, (ulong)vocabSize, out _);
    }

    /// <inheritdoc/>
    public int Read(Span<int> tokens)
    {
        int count = 0;
        while (count < tokens.Length)
        {
            tokens[count++] = Peek();
            if (++offset != documentTokens) continue;
            document++;
            offset = 0;
            break;
        }
        return count;
    }
}
