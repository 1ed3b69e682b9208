namespace Litespark.Data.Loading;

/// <summary>A place in a token source.</summary>
/// <param name="Epoch">Passes over the data completed.</param>
/// <param name="Document">Documents completed in this epoch.</param>
/// <param name="Offset">Tokens read of the current document.</param>
public readonly record struct TokenPosition(long Epoch, long Document, long Offset);

/// <summary>The lowest layer: documents of tokens, one after another, without end. No managed allocation.</summary>
internal interface ITokenSource
{
    /// <summary>Where the next token comes from; setting it continues there exactly.</summary>
    TokenPosition Position { get; set; }

    /// <summary>Whether the next token is a document's first.</summary>
    bool AtDocumentStart { get; }

    /// <summary>How many of the next tokens are the prefix of the current document: they come before its text, and nothing is to predict them.</summary>
    int PrefixLeft { get; }

    /// <summary>The next token, left in place.</summary>
    int Peek();

    /// <summary>
    /// Takes the next tokens of the current document, as many as <paramref name="tokens"/> holds, or up to and including
    /// its end-of-text. Returns how many, at least 1.
    /// </summary>
    int Read(Span<int> tokens);
}
