namespace Litespark.Tokenization;

/// <summary>What the data pipeline needs of a tokenizer.</summary>
public interface ITextEncoder
{
    /// <summary>One more than the largest token id.</summary>
    int VocabSize { get; }

    /// <summary>The token that ends a document; data pipelines put it after every document.</summary>
    int EndOfTextId { get; }

    /// <summary>
    /// The tokens that data pipelines put before every document, as prompts have them: a beginning-of-text token where the
    /// vocabulary's texts start with one; mostly none. They stand for no text, and nothing is asked to predict them.
    /// </summary>
    IReadOnlyList<int> DocumentPrefix => [];

    /// <summary>Identifies the vocabulary and its rules (a hash): prepared tokens are valid only for the same one.</summary>
    string Fingerprint { get; }

    /// <summary>Appends the tokens of <paramref name="text"/> (any bytes; UTF-8 is expected). Safe to call from several threads.</summary>
    void Encode(ReadOnlySpan<byte> text, List<int> tokens);
}
