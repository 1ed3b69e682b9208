using Litespark.Graphs;
using Litespark.Models;

namespace Litespark.Recipes;

/// <summary>Turns the recipe's <c>model</c> section into an architecture.</summary>
internal static class ModelResolver
{
    /// <summary>
    /// The preset's or the folder's architecture with the recipe's own keys over it, or the recipe's alone.
    /// </summary>
    /// <param name="loaded">The recipe; errors name its lines.</param>
    /// <param name="basis">What <c>model.preset</c> or <c>model.path</c> stands for; null where the recipe has neither.</param>
    /// <param name="tokenizerSize">Tokens of the tokenizer that the run uses: the vocabulary of a new model where the recipe names none; null = none is known.</param>
    /// <exception cref="UserErrorException">The shape is impossible, or cannot hold the tokenizer or the sequence.</exception>
    public static TransformerSpec Resolve(LoadedRecipe loaded, TransformerSpec? basis, int? tokenizerSize)
    {
        ModelSection model = loaded.Recipe.Model;
        if (basis is null && (model.Preset ?? model.Path) is { } named) throw new ArgumentException($"The architecture of '{named}' must be given.", nameof(basis));

        TransformerSpec spec = Override(basis ?? FromShape(model), model);
        bool newVocabulary = model.VocabSize is null && model.Path is null;
        if (newVocabulary && tokenizerSize is { } size) spec = spec with { VocabSize = size };
        // Rotary positions have no parameters: a new model is made for the sequences that it is trained on.
        if (model.MaxPositionEmbeddings is null && model.Path is null && spec.Family != ModelFamily.Gpt2)
            spec = spec with { MaxPositionEmbeddings = Math.Max(spec.MaxPositionEmbeddings, loaded.Recipe.Training.SequenceLength) };
        if (spec.VocabSize < 1) throw loaded.Error("model.vocab_size", "no size is known; set it, or use a preset.");
        if (tokenizerSize > spec.VocabSize)
            throw loaded.Error("model.vocab_size", $"{spec.VocabSize} rows cannot hold the tokenizer's {tokenizerSize} tokens; use the model's own tokenizer, or a larger vocabulary.");

        // A head size that is merely the quotient must be an exact one.
        int? headDim = model.HeadDim is null && spec.HeadDim == spec.HiddenSize / spec.NumAttentionHeads ? null : spec.HeadDim;
        ShapeChecks.Run(loaded, new ShapeFacts(spec.HiddenSize, spec.NumAttentionHeads, spec.NumKeyValueHeads, headDim, spec.MaxPositionEmbeddings, spec.Family == ModelFamily.Gpt2));
        SparsityChecks.Model(loaded, spec);
        return spec;
    }

    /// <summary>Refuses what no model can be built of. Another type over a preset keeps the preset's structure, which is then the likely reason.</summary>
    /// <param name="loaded">The recipe.</param>
    /// <param name="basis">As for <see cref="Resolve"/>.</param>
    /// <param name="spec">What it resolved to.</param>
    /// <exception cref="UserErrorException">What is wrong, and what would be right.</exception>
    public static void Validate(LoadedRecipe loaded, TransformerSpec? basis, TransformerSpec spec)
    {
        ModelSection model = loaded.Recipe.Model;
        try
        {
            spec.Validate(loaded.Name);
        }
        catch (UserErrorException error) when (basis is not null && basis.Family != spec.Family)
        {
            string key = model.Path is null ? "model.preset" : "model.path", wanted = spec.Family.ModelType();
            throw loaded.Error("model.model_type", $"{model.Path ?? model.Preset} is a model of type {basis.Family.ModelType()} and cannot be one of type {wanted}: {error.Message[(loaded.Name.Length + 2)..]} "
                + $"For a new model of type {wanted} set {key}: null, and model.hidden_size, intermediate_size, num_hidden_layers and num_attention_heads.");
        }
    }

    /// <summary>An architecture with the family's defaults; the loader has checked that the sizes are there.</summary>
    static TransformerSpec FromShape(ModelSection model)
    {
        ModelFamily family = model.ModelType ?? ModelFamily.Llama;
        int hidden = model.HiddenSize!.Value, heads = model.NumAttentionHeads!.Value;
        bool gpt2 = family == ModelFamily.Gpt2;
        return new TransformerSpec
        {
            Family = family,
            HiddenSize = hidden,
            IntermediateSize = model.IntermediateSize ?? 4 * hidden,
            NumHiddenLayers = model.NumHiddenLayers!.Value,
            NumAttentionHeads = heads,
            NumKeyValueHeads = heads,
            HeadDim = hidden / heads,
            VocabSize = 0,
            TieWordEmbeddings = gpt2,
            QkvBias = gpt2 || family == ModelFamily.Qwen2,
            OutputBias = gpt2,
            MlpBias = gpt2,
            QkNorm = family == ModelFamily.Qwen3,
            Activation = gpt2 ? ActivationKind.GeluTanh : ActivationKind.Silu,
        };
    }

    static TransformerSpec Override(TransformerSpec spec, ModelSection model)
    {
        int hidden = model.HiddenSize ?? spec.HiddenSize, heads = model.NumAttentionHeads ?? spec.NumAttentionHeads;
        bool reshaped = hidden != spec.HiddenSize || heads != spec.NumAttentionHeads;
        bool wasGrouped = spec.NumKeyValueHeads != spec.NumAttentionHeads;
        return spec with
        {
            Family = model.ModelType ?? spec.Family,
            HiddenSize = hidden,
            IntermediateSize = model.IntermediateSize ?? spec.IntermediateSize,
            NumHiddenLayers = model.NumHiddenLayers ?? spec.NumHiddenLayers,
            NumAttentionHeads = heads,
            NumKeyValueHeads = model.NumKeyValueHeads ?? (wasGrouped ? spec.NumKeyValueHeads : heads),
            HeadDim = model.HeadDim ?? (reshaped ? hidden / heads : spec.HeadDim),
            VocabSize = model.VocabSize ?? spec.VocabSize,
            MaxPositionEmbeddings = model.MaxPositionEmbeddings ?? spec.MaxPositionEmbeddings,
            TieWordEmbeddings = model.TieWordEmbeddings ?? spec.TieWordEmbeddings,
            NormEpsilon = model.RmsNormEps ?? spec.NormEpsilon,
            RopeTheta = model.RopeTheta ?? spec.RopeTheta,
            RopeScaling = model.RopeScaling.Factor is { } factor
                ? new Llama3RopeScaling(factor, model.RopeScaling.LowFrequencyFactor, model.RopeScaling.HighFrequencyFactor, model.RopeScaling.OriginalMaxPositions)
                : spec.RopeScaling,
            SlidingWindow = model.SlidingWindow ?? spec.SlidingWindow,
            QkvBias = model.AttentionBias ?? spec.QkvBias,
            OutputBias = model.AttentionBias ?? spec.OutputBias,
            MlpBias = model.MlpBias ?? spec.MlpBias,
            Activation = model.HiddenAct ?? spec.Activation,
            InitializerRange = model.InitializerRange ?? spec.InitializerRange,
        };
    }
}
