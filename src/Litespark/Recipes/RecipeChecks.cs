using Litespark.Data;
using Litespark.Energy;
using Litespark.Energy.Nodes;

namespace Litespark.Recipes;

/// <summary>What must hold between keys. What depends on a preset or a folder is checked by <see cref="ModelResolver"/>.</summary>
internal static class RecipeChecks
{
    /// <exception cref="UserErrorException">Two keys contradict each other; the message says which and what would be right.</exception>
    public static void Run(LoadedRecipe loaded)
    {
        Recipe recipe = loaded.Recipe;
        Batches(loaded, recipe.Training);
        Schedule(loaded, recipe);
        Data(loaded, recipe);
        Model(loaded, recipe);
        Tokenizer(loaded, recipe);
        Engine(loaded, recipe.Engine);
        SparsityChecks.Run(loaded);
        Energy(loaded, recipe.Energy);
    }

    static void Batches(LoadedRecipe loaded, TrainingSection training)
    {
        long micro = training.MicroBatchTokens;
        if (micro > int.MaxValue)
            throw loaded.Error("training.micro_batch_size", $"{training.MicroBatchSize} sequences of {training.SequenceLength} tokens are more than fit into one micro-batch ({int.MaxValue} tokens).");
        if (training.GlobalBatchTokens is not { } tokens || tokens % micro == 0) return;
        long below = tokens / micro * micro;
        string nearest = below == 0 ? $"{micro}" : $"{below} or {below + micro}";
        throw loaded.Error("training.global_batch_tokens",
            $"{tokens} is not a multiple of micro_batch_size × sequence_length = {training.MicroBatchSize} × {training.SequenceLength} = {micro}; {nearest} would be.");
    }

    static void Schedule(LoadedRecipe loaded, Recipe recipe)
    {
        int steps = recipe.Training.MaxSteps;
        if (recipe.Schedule.Name == ScheduleName.Wsd && recipe.WarmupSteps + recipe.Schedule.DecayFraction * steps > steps)
            throw loaded.Error("schedule.decay_fraction", $"the warm-up ({recipe.WarmupSteps} steps) and the decay ({recipe.Schedule.DecayFraction} of {steps} steps) overlap; lower one of them.");
    }

    static void Data(LoadedRecipe loaded, Recipe recipe)
    {
        DataOptions data = recipe.Data;
        DataSourceKind source = data.EffectiveSource;
        if (data.Sources.Count > 0)
        {
            if (data.Train.Count > 0) throw loaded.Error("data.sources", "data.train is given too; keep one of the two (sources mixes by weight, train takes all).");
            if (data.Source is not null) throw loaded.Error("data.sources", "data.source is given too; name the source inside each entry, as in {source: dotnet-docs, weight: 1}.");
            foreach (DataSourceOptions entry in data.Sources) Paths(loaded, "data.sources", "a path", entry.Source, entry.Paths.Count);
        }
        else
        {
            Paths(loaded, "data.train", "data.train", source, data.Train.Count);
            if (!TakesPaths(source) && data.Validation.Count > 0)
                throw loaded.Error("data.validation", "paths are given, but data.source takes none; set data.source: files, with data.train.");
        }
        bool synthetic = data.Sources.Count == 0 && source == DataSourceKind.Synthetic;
        if (!synthetic && recipe.Evaluation.EverySteps > 0 && data.Validation.Count == 0 && data.ValidationFraction == 0)
            throw loaded.Error("data.validation_fraction", "0 leaves nothing to evaluate on; hold a part out (0.01), name data.validation, or switch evaluation off by evaluation.every_steps: 0.");
        if (data.SyntheticDocumentTokens == 1) throw loaded.Error("data.synthetic_document_tokens", "a document of one token has nothing to predict; use 2 or more, or 0 for one endless document.");
    }

    static bool TakesPaths(DataSourceKind source) => source is DataSourceKind.Files or DataSourceKind.Shards;

    static void Paths(LoadedRecipe loaded, string key, string wanted, DataSourceKind source, int count)
    {
        string name = DataSection.SourceKind.ToYaml(source);
        if (TakesPaths(source) && count == 0) throw loaded.Error(key, $"source '{name}' needs {wanted}: files, folders or globs, as in [\"corpus/*.{(source == DataSourceKind.Files ? "txt" : "tokens")}\"].");
        if (!TakesPaths(source) && count > 0) throw loaded.Error(key, $"paths are given, but source '{name}' takes none; use source: files.");
    }

    static void Model(LoadedRecipe loaded, Recipe recipe)
    {
        ModelSection model = recipe.Model;
        if (model.Preset is { } preset && model.Path is { } path)
            throw loaded.Error("model.path", $"model.preset ({preset}) is given too; keep the preset for a new model or the path ({path}) to go on from its weights.");
        if (model.Preset is null && model.Path is null)
        {
            string[] missing =
            [
                .. new[] { ("hidden_size", model.HiddenSize), ("num_hidden_layers", model.NumHiddenLayers), ("num_attention_heads", model.NumAttentionHeads) }
                    .Where(key => key.Item2 is null).Select(key => "model." + key.Item1),
            ];
            if (missing.Length == 3) throw loaded.Error("model", "no model is given; set model.preset (such as llama-15m), model.path, or the shape itself (hidden_size, intermediate_size, num_hidden_layers, num_attention_heads).");
            if (missing.Length > 0) throw loaded.Error(missing[0], $"without model.preset or model.path the shape must be complete; missing: {string.Join(", ", missing)}.");
            if (model.IntermediateSize is null && model.ModelType != Models.ModelFamily.Gpt2)
                throw loaded.Error("model.intermediate_size", $"without model.preset or model.path it must be given; about 8/3 of hidden_size, {(model.HiddenSize * 8 / 3 + 31) / 32 * 32}, is usual.");
        }
        ShapeChecks.Run(loaded, new ShapeFacts(model.HiddenSize, model.NumAttentionHeads, model.NumKeyValueHeads, model.HeadDim, model.MaxPositionEmbeddings, model.ModelType == Models.ModelFamily.Gpt2));
    }

    static void Tokenizer(LoadedRecipe loaded, Recipe recipe)
    {
        TokenizerSection tokenizer = recipe.Tokenizer;
        int smallest = 256 + tokenizer.SpecialTokens.Count;
        if (tokenizer.SpecialTokens.Distinct().Count() != tokenizer.SpecialTokens.Count)
            throw loaded.Error("tokenizer.special_tokens", "a token is listed twice; list each once.");
        if (tokenizer.SpecialTokens.Any(string.IsNullOrEmpty)) throw loaded.Error("tokenizer.special_tokens", "a token is empty; give each some text, such as <|endoftext|>.");
        if (tokenizer.VocabSize < smallest)
            throw loaded.Error("tokenizer.vocab_size", $"{tokenizer.VocabSize} is too small for 256 bytes and {tokenizer.SpecialTokens.Count} special tokens; at least {smallest}.");
        bool trained = tokenizer.Path is null && recipe.Model.Path is null && recipe.Data.EffectiveSource != DataSourceKind.Synthetic;
        if (trained && recipe.Model.VocabSize is { } rows && rows < tokenizer.VocabSize)
            throw loaded.Error("model.vocab_size", $"{rows} rows cannot hold the tokenizer's {tokenizer.VocabSize} tokens (tokenizer.vocab_size); raise it, or leave it out to have as many.");
    }

    static void Engine(LoadedRecipe loaded, EngineSection engine)
    {
        if (engine is { Device: DeviceChoice.Cpu, Precision: Precision.Bfloat16 })
            throw loaded.Error("engine.precision", "the CPU computes in float32; use precision: auto or float32, or device: cuda.");
    }

    static void Energy(LoadedRecipe loaded, EnergySection energy)
    {
        foreach (string node in energy.Nodes)
            if (NodeAddress.Parse(node) is null) throw loaded.Error("energy.nodes", $"'{node}' is no address; right would be host:port, as in [\"node-2:{NodeAddress.DefaultPort}\"].");
        if (energy.Region is not { } region) return;
        if (energy.CarbonIntensity is { } stated)
            throw loaded.Error("energy.region", $"energy.carbon_intensity ({stated}) is given too; keep the region for its yearly average, or the figure.");
        if (GridRegions.Find(region) is not null) return;
        string hint = GridRegions.Nearest(region) is { } nearest ? $"; did you mean '{nearest}'? The table has" : ", which has";
        throw loaded.Error("energy.region", $"'{region}' is not in the table{hint} {string.Join(", ", GridRegions.All.Select(known => known.Name))}. For another one state energy.carbon_intensity.");
    }
}
