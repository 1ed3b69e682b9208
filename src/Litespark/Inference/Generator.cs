using System.Diagnostics;
using Litespark.Models;
using Litespark.Planning;
using Litespark.Tokenization;

namespace Litespark.Inference;

/// <summary>
/// Continues texts: runs the prompt through the model in large pieces, then draws token after token, each seeing all before it
/// through the key/value cache.
/// </summary>
public sealed class Generator : IDisposable
{
    readonly Tokenizer tokenizer;
    readonly HashSet<int> endTokens;

    /// <summary>Makes a generator of a cached model and a tokenizer; the model becomes the generator's to dispose.</summary>
    /// <param name="model">The model, with its weights.</param>
    /// <param name="tokenizer">The model's tokenizer.</param>
    /// <param name="endTokens">Tokens that end a text.</param>
    public Generator(CachedModel model, Tokenizer tokenizer, IEnumerable<int> endTokens)
    {
        Model = model;
        this.tokenizer = tokenizer;
        this.endTokens = [.. endTokens];
    }

    /// <summary>A generator whose weights come from another store, such as those of a training program: <see cref="WeightCopy.CopyWeights"/> fills it.</summary>
    /// <param name="device">Where it runs.</param>
    /// <param name="spec">The architecture.</param>
    /// <param name="tokenizer">The tokenizer.</param>
    /// <param name="capacity">Tokens of the longest text, prompt included; more than the model's positions are not used.</param>
    public static Generator Create(IDevice device, TransformerSpec spec, Tokenizer tokenizer, int capacity)
        => new(new CachedModel(device, Transformer.Function(spec), Math.Min(capacity, spec.MaxPositionEmbeddings)), tokenizer, [tokenizer.EndOfTextId]);

    /// <summary>The model with its weights and cache.</summary>
    public CachedModel Model { get; }

    /// <summary>
    /// The tokens of a prompt as training sees a document begin: <see cref="Tokenizer.DocumentPrefix"/>, then the text. Without either,
    /// the token that a document starts after.
    /// </summary>
    public static int[] EncodePrompt(Tokenizer tokenizer, string prompt)
    {
        int[] tokens = [.. tokenizer.DocumentPrefix, .. tokenizer.Encode(prompt, addSpecial: false)];
        return tokens.Length > 0 ? tokens : [tokenizer.BeginOfTextId ?? tokenizer.EndOfTextId];
    }

    /// <summary>Continues a text.</summary>
    /// <param name="prompt">Its beginning; empty = the start of a document.</param>
    /// <param name="options">How.</param>
    /// <param name="onText">Called with each new piece of text; together they are the whole new text.</param>
    /// <param name="stop">Ends the text early.</param>
    /// <exception cref="UserErrorException">An option is out of its range, or the prompt doesn't fit into the model.</exception>
    public GenerationResult Generate(string prompt, GenerationOptions options, Action<string>? onText = null, CancellationToken stop = default)
        => Generate(EncodePrompt(tokenizer, prompt), options, onText, stop);

    /// <summary>Continues a text that is given as tokens, at least one.</summary>
    /// <inheritdoc cref="Generate(string, GenerationOptions, Action{string}?, CancellationToken)"/>
    public GenerationResult Generate(ReadOnlySpan<int> prompt, GenerationOptions options, Action<string>? onText = null, CancellationToken stop = default)
    {
        options.Validate();
        CheckPrompt(prompt);
        var sampler = new Sampler(options.Sampling, Model.VocabSize);
        var text = new TextStream(tokenizer, prompt, options.Stop, onText);
        var tokens = new List<int>();

        long start = Stopwatch.GetTimestamp();
        Model.Clear();
        Model.Append(prompt);
        double prefill = Stopwatch.GetElapsedTime(start).TotalSeconds;

        start = Stopwatch.GetTimestamp();
        FinishReason? reason = null;
        while (reason is null)
        {
            int token = sampler.Sample(Model.Logits);
            tokens.Add(token);
            if (endTokens.Contains(token)) reason = FinishReason.EndOfText;
            else if (text.Add(token)) reason = FinishReason.StopText;
            else if (tokens.Count == options.MaxNewTokens) reason = FinishReason.MaxNewTokens;
            else if (Model.Length == Model.Capacity) reason = FinishReason.ContextFull;
            else if (stop.IsCancellationRequested) reason = FinishReason.Cancelled;
            else Model.Append(new ReadOnlySpan<int>(in token));
        }

        double decode = Stopwatch.GetElapsedTime(start).TotalSeconds;
        if (reason != FinishReason.StopText && text.End()) reason = FinishReason.StopText;
        return new GenerationResult(text.Text, tokens, prompt.Length, reason.Value, prefill, decode);
    }

    /// <inheritdoc/>
    public void Dispose() => Model.Dispose();

    /// <summary>Checks that a prompt fits, before anything is run or shown.</summary>
    /// <exception cref="UserErrorException">It is longer than the model's context, or has tokens that the model doesn't know.</exception>
    internal void CheckPrompt(ReadOnlySpan<int> prompt)
    {
        if (prompt.IsEmpty) throw new ArgumentException("a prompt needs at least one token", nameof(prompt));
        if (prompt.Length > Model.Capacity)
            throw new UserErrorException($"The prompt has {prompt.Length} tokens; the model takes {Model.Capacity}, prompt and new text together (max_position_embeddings). Shorten the prompt.");
        foreach (int token in prompt)
            if ((uint)token >= (uint)Model.VocabSize)
                throw new UserErrorException($"The prompt holds token {token}, but the model has embeddings for {Model.VocabSize} tokens only: tokenizer.json belongs to another model.");
    }
}
