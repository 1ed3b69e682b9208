using Litespark.Checkpoints;
using Litespark.Models;
using Litespark.Planning;
using Litespark.Tokenization;

namespace Litespark.Inference;

/// <summary>A model that was opened from disk: architecture and tokenizer; its weights are read where they are needed.</summary>
public sealed class LoadedModel
{
    const string TokenizerFile = "tokenizer.json";

    readonly Tokenizer? tokenizer;

    LoadedModel(string folder, TransformerSpec spec, Tokenizer? tokenizer, IReadOnlyList<int> endTokens, IReadOnlyList<PassedOverCheckpoint> passedOver)
    {
        Folder = folder;
        Spec = spec;
        this.tokenizer = tokenizer;
        EndTokens = endTokens;
        PassedOver = passedOver;
    }

    /// <summary>The model folder: of a run, its newest whole checkpoint.</summary>
    public string Folder { get; }

    /// <summary>The architecture.</summary>
    public TransformerSpec Spec { get; }

    /// <summary>Whether there is a tokenizer; models of synthetic tokens have none.</summary>
    public bool HasTokenizer => tokenizer is not null;

    /// <summary>The tokenizer.</summary>
    /// <exception cref="UserErrorException">The folder has none.</exception>
    public Tokenizer Tokenizer => tokenizer
        ?? throw new UserErrorException($"{Folder}: holds no {TokenizerFile}, which text needs; put the model's there (SentencePiece's tokenizer.model alone is not enough).");

    /// <summary>Tokens that end a text; empty where none is known.</summary>
    public IReadOnlyList<int> EndTokens { get; }

    /// <summary>Of a run: newer checkpoints that are not whole.</summary>
    public IReadOnlyList<PassedOverCheckpoint> PassedOver { get; }

    /// <summary>Opens a model.</summary>
    /// <param name="path">A run folder (its newest whole checkpoint), a checkpoint folder, or a Hugging Face model folder.</param>
    /// <exception cref="UserErrorException">There is no model, it is damaged, or it is of a kind that isn't supported.</exception>
    public static LoadedModel Open(string path)
    {
        string folder = CheckpointStore.ResolveModelFolder(path, out IReadOnlyList<PassedOverCheckpoint> passedOver);
        TransformerSpec spec = HuggingFaceFolder.ReadSpec(folder);
        Tokenizer? tokenizer = File.Exists(Path.Combine(folder, TokenizerFile)) ? Tokenizer.Load(folder) : null;
        IReadOnlyList<int> endTokens = HuggingFaceFolder.ReadEosTokenIds(folder);
        if (endTokens.Count == 0 && tokenizer is not null) endTokens = EndOfText(tokenizer);
        return new LoadedModel(folder, spec, tokenizer, endTokens, passedOver);
    }

    /// <summary>Fills a program's weights from the model's files.</summary>
    /// <exception cref="UserErrorException">A tensor is missing, unknown or of another shape, or a file is damaged.</exception>
    public void LoadWeights(ITensorStore weights) => HuggingFaceFolder.LoadWeights(Folder, Spec, weights);

    /// <summary>The model on a device, ready to generate.</summary>
    /// <param name="device">Where it runs.</param>
    /// <param name="capacity">Tokens of the longest text, prompt included; more than the model's positions are not used.</param>
    /// <param name="plan">Passes; all by default.</param>
    public Generator CreateGenerator(IDevice device, int capacity, PlanOptions? plan = null)
    {
        Tokenizer text = Tokenizer;
        var model = new CachedModel(device, Transformer.Function(Spec), Math.Min(capacity, Spec.MaxPositionEmbeddings), plan);
        return Filled(new Generator(model, text, EndTokens), model.Weights);
    }

    /// <summary>The model on a device, ready to be evaluated.</summary>
    /// <param name="device">Where it runs.</param>
    /// <param name="rows">Sequences of a batch.</param>
    /// <param name="sequenceLength">Tokens of a sequence.</param>
    /// <param name="plan">Passes; all by default.</param>
    /// <exception cref="UserErrorException">The sequence is longer than the model's.</exception>
    public Evaluator CreateEvaluator(IDevice device, int rows, int sequenceLength, PlanOptions? plan = null)
    {
        if (sequenceLength > Spec.MaxPositionEmbeddings)
            throw new UserErrorException($"{Folder}: takes sequences of up to {Spec.MaxPositionEmbeddings} tokens (max_position_embeddings), not {sequenceLength}.");
        var evaluator = new Evaluator(device, Transformer.Function(Spec), rows, sequenceLength, plan);
        return Filled(evaluator, evaluator.Weights);
    }

    T Filled<T>(T owner, ITensorStore weights) where T : IDisposable
    {
        try
        {
            LoadWeights(weights);
            return owner;
        }
        catch
        {
            owner.Dispose();
            throw;
        }
    }

    /// <summary>A tokenizer need not know how a text ends; generation then goes on to its limit.</summary>
    static IReadOnlyList<int> EndOfText(Tokenizer tokenizer)
    {
        try
        {
            return [tokenizer.EndOfTextId];
        }
        catch (UserErrorException)
        {
            return [];
        }
    }
}
