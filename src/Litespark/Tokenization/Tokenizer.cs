using System.Collections.Concurrent;
using System.Text;
using Litespark.Tokenization.Files;
using Litespark.Tokenization.Pipeline;

namespace Litespark.Tokenization;

/// <summary>
/// A BPE tokenizer as Hugging Face's tokenizer.json describes it: byte-level (GPT-2, Llama 3, Qwen) or SentencePiece-style with
/// byte fallback (Llama 2, Mistral). It gives the same ids. Immutable and thread-safe.
/// </summary>
public sealed class Tokenizer : ITextEncoder
{
    readonly TokenizerFiles files;
    readonly TokenizerDefinition definition;
    readonly TextPipeline pipeline;
    readonly TokenDecoder decoder;
    readonly Dictionary<string, int> addedIds = [];
    readonly HashSet<int> specialIds;
    readonly ConcurrentBag<TextPipeline.Scratch> scratches = [];
    readonly Lazy<string> fingerprint;
    readonly int? endOfText;

    internal Tokenizer(TokenizerFiles files)
    {
        this.files = files;
        definition = TokenizerDefinition.Read(files.Json, files.Path);
        pipeline = new TextPipeline(definition);

        VocabSize = Math.Max(definition.Model.Tokens.Count, definition.Added.Select(token => token.Id + 1).DefaultIfEmpty().Max());
        var texts = new string?[VocabSize];
        for (int id = 0; id < definition.Model.Tokens.Count; id++)
            texts[id] = definition.Model.Tokens[id];
        foreach (AddedToken token in definition.Added)
        {
            texts[token.Id] = token.Content;
            addedIds[token.Content] = token.Id;
        }
        specialIds = [.. definition.Added.Where(token => token.Special).Select(token => token.Id)];
        decoder = new TokenDecoder(texts, addedIds.Values.ToHashSet(), definition.Decoder);
        endOfText = files.FindEndOfText(TokenId);
        BeginOfTextId = files.FindBeginOfText(TokenId);
        fingerprint = new Lazy<string>(() => definition.Fingerprint(endOfText));
    }

    /// <summary>
    /// Reads a tokenizer.json; special tokens are looked up in the tokenizer_config.json, generation_config.json or config.json beside it.
    /// </summary>
    /// <param name="path">The file, or the folder that holds it.</param>
    /// <exception cref="UserErrorException">There is no such file, it is broken, or it holds a kind of tokenizer that isn't
    /// supported.</exception>
    public static Tokenizer Load(string path) => new(TokenizerFiles.Read(path));

    /// <summary>One more than the largest token id.</summary>
    public int VocabSize { get; }

    /// <summary>The token that ends a document.</summary>
    /// <exception cref="UserErrorException">The files name none and the vocabulary holds none of the usual ones.</exception>
    public int EndOfTextId => endOfText
        ?? throw new UserErrorException($"{files.Path}: no end-of-text token; name one as \"eos_token\" in a {TokenizerFiles.Config} beside it");

    /// <summary>The token that begins a document; null where there is none.</summary>
    public int? BeginOfTextId { get; }

    /// <summary>What the post-processor puts before a text: the beginning of text for Llama and Mistral, nothing for GPT-2 and Qwen.</summary>
    public IReadOnlyList<int> DocumentPrefix => definition.Template.Before;

    /// <summary>
    /// A hash of all that decides tokens and text (32 hexadecimal digits): the same for files that differ only in their writing.
    /// </summary>
    public string Fingerprint => fingerprint.Value;

    /// <summary>Writes tokenizer.json as it was read, with the files that were beside it (tokenizer_config.json, chat template).</summary>
    /// <param name="path">The folder, created where missing; or the path of the tokenizer.json in it.</param>
    public void Save(string path)
    {
        string folder = Path.GetFileName(path) == TokenizerFiles.Main ? Path.GetDirectoryName(Path.GetFullPath(path))! : path;
        Directory.CreateDirectory(folder);
        files.Write(folder);
    }

    /// <summary>
    /// Appends the tokens of raw text, any bytes. Special tokens written in the text are taken for text, and none is put around it.
    /// Byte-level vocabularies give the exact bytes back, valid UTF-8 or not.
    /// </summary>
    public void Encode(ReadOnlySpan<byte> text, List<int> tokens)
    {
        TextPipeline.Scratch scratch = Rent();
        if (scratch.Chars.Length < text.Length)
            scratch.Chars = new char[text.Length];
        int length = EscapedText.Decode(text, scratch.Chars);
        pipeline.Encode(scratch.Chars.AsSpan(0, length), special: false, scratch, tokens);
        scratches.Add(scratch);
    }

    /// <summary>
    /// The tokens of a text, as Hugging Face's <c>encode</c> gives them (truncation and padding in the file are not applied).
    /// </summary>
    /// <param name="text">The text; lone surrogates become U+FFFD.</param>
    /// <param name="parseSpecial">Whether special tokens written in the text become those tokens.</param>
    /// <param name="addSpecial">Whether the special tokens of the post-processor (such as the beginning of text) are put around it.</param>
    public int[] Encode(string text, bool parseSpecial = true, bool addSpecial = true)
    {
        var tokens = new List<int>();
        if (addSpecial)
            tokens.AddRange(definition.Template.Before);
        TextPipeline.Scratch scratch = Rent();
        pipeline.Encode(EscapedText.Sanitize(text), parseSpecial, scratch, tokens);
        scratches.Add(scratch);
        if (addSpecial)
            tokens.AddRange(definition.Template.After);
        return [.. tokens];
    }

    /// <summary>The text of tokens; bytes that are not valid UTF-8 become U+FFFD, ids that are not used become nothing.</summary>
    /// <param name="tokens">Token ids.</param>
    /// <param name="skipSpecial">Whether special tokens are left out.</param>
    public string Decode(ReadOnlySpan<int> tokens, bool skipSpecial = false) => Encoding.UTF8.GetString(DecodeBytes(tokens, skipSpecial));

    /// <summary>The exact bytes of tokens.</summary>
    /// <param name="tokens">Token ids.</param>
    /// <param name="skipSpecial">Whether special tokens are left out.</param>
    public byte[] DecodeBytes(ReadOnlySpan<int> tokens, bool skipSpecial = false) => CreateDecoder(skipSpecial).DecodeAll(tokens);

    /// <summary>A decoder for tokens that come one by one.</summary>
    /// <param name="skipSpecial">Whether special tokens are left out.</param>
    public IncrementalDecoder CreateDecoder(bool skipSpecial = false) => new(decoder, skipSpecial ? specialIds : new HashSet<int>());

    /// <summary>The bytes that a token stands for in the middle of a text; empty for an id that is not used.</summary>
    public ReadOnlySpan<byte> TokenBytes(int id) => decoder.Bytes(id);

    /// <summary>The id of a token by its text as tokenizer.json writes it (added tokens first); null where there is none.</summary>
    public int? TokenId(string token)
    {
        if (addedIds.TryGetValue(token, out int added))
            return added;
        int id = definition.Model.IdOf(token);
        return id >= 0 ? id : null;
    }

    /// <summary>Whether a token controls the model rather than being text.</summary>
    public bool IsSpecial(int id) => specialIds.Contains(id);

    TextPipeline.Scratch Rent() => scratches.TryTake(out TextPipeline.Scratch? scratch) ? scratch : new TextPipeline.Scratch(definition);
}
