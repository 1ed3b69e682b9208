using Litespark.Tokenization.Bpe;
using Litespark.Tokenization.Files;
using Litespark.Tokenization.Pipeline;

namespace Litespark.Tokenization;

/// <summary>
/// The way from text to tokens: added tokens, normalizer, pre-tokenizers, model. Immutable; each thread brings its scratch.
/// </summary>
internal sealed class TextPipeline
{
    readonly TokenizerDefinition definition;
    readonly AddedTokenFinder inRawText;
    readonly AddedTokenFinder inNormalizedText;
    readonly bool cutsAtMarker;

    /// <summary>Buffers of one thread.</summary>
    internal sealed class Scratch(TokenizerDefinition definition)
    {
        /// <summary>The model's part.</summary>
        public PieceEncoder Encoder { get; } = new(definition.Model, definition.ByteLevel);

        /// <summary>The pre-tokenizers' part.</summary>
        public Pieces Pieces { get; } = new();

        /// <summary>Sections between the added tokens of the raw text.</summary>
        public List<(Piece Piece, int Id)> Sections { get; } = [];

        /// <summary>Sections between the added tokens of the normalized text.</summary>
        public List<(Piece Piece, int Id)> Subsections { get; } = [];

        /// <summary>Decoded characters.</summary>
        public char[] Chars { get; set; } = [];
    }

    /// <summary>Sets the pipeline up.</summary>
    public TextPipeline(TokenizerDefinition definition)
    {
        this.definition = definition;
        inRawText = new AddedTokenFinder(definition.Added.Where(token => !token.Normalized).Select(token => (token.Content, token)));
        inNormalizedText = new AddedTokenFinder(
            definition.Added.Where(token => token.Normalized).Select(token => (Normalize(token.Content), token)));
        cutsAtMarker = !definition.ByteLevel && definition.Model.CutsAtMarker;
    }

    /// <summary>
    /// Appends the tokens of <paramref name="text"/> (<see cref="EscapedText"/>); special tokens in it are found only if <paramref
    /// name="special"/>.
    /// </summary>
    public void Encode(ReadOnlySpan<char> text, bool special, Scratch scratch, List<int> tokens)
    {
        scratch.Sections.Clear();
        inRawText.Cut(text, special, scratch.Sections);
        foreach ((Piece section, int id) in scratch.Sections)
        {
            if (id >= 0)
            {
                tokens.Add(id);
                continue;
            }
            ReadOnlySpan<char> raw = text[section.Start..section.End];
            EncodeNormalized(definition.Normalizer is null ? raw : Normalize(raw.ToString()), section.Start == 0, special, scratch, tokens);
        }
    }

    string Normalize(string text) => definition.Normalizer?.Apply(text) ?? text;

    void EncodeNormalized(ReadOnlySpan<char> text, bool atStart, bool special, Scratch scratch, List<int> tokens)
    {
        scratch.Subsections.Clear();
        inNormalizedText.Cut(text, special, scratch.Subsections);
        foreach ((Piece section, int id) in scratch.Subsections)
        {
            if (id >= 0)
                tokens.Add(id);
            else
                EncodeSection(text[section.Start..section.End], atStart && section.Start == 0, scratch, tokens);
        }
    }

    void EncodeSection(ReadOnlySpan<char> text, bool atStart, Scratch scratch, List<int> tokens)
    {
        Pieces pieces = scratch.Pieces;
        pieces.Reset(text, atStart);
        foreach (PreTokenizer stage in definition.PreTokenizers)
            stage.Apply(pieces);
        foreach (Piece piece in pieces.Ranges)
        {
            ReadOnlySpan<char> chars = pieces.Text[piece.Start..piece.End];
            if (cutsAtMarker)
                EncodeWords(chars, scratch.Encoder, tokens);
            else
                scratch.Encoder.Encode(chars, tokens);
        }
    }

    /// <summary>Encodes word by word where no merge can join words.</summary>
    static void EncodeWords(ReadOnlySpan<char> text, PieceEncoder encoder, List<int> tokens)
    {
        int start = 0;
        for (int i = 1; i < text.Length; i++)
        {
            if (text[i] != BpeModel.SpaceMarker || text[i - 1] == BpeModel.SpaceMarker)
                continue;
            encoder.Encode(text[start..i], tokens);
            start = i;
        }
        encoder.Encode(text[start..], tokens);
    }
}
