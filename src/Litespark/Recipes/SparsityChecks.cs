using Litespark.Models;

namespace Litespark.Recipes;

/// <summary>What must hold between the keys of the <c>sparsity</c> section.</summary>
internal static class SparsityChecks
{
    /// <exception cref="UserErrorException">A key contradicts the method or another key.</exception>
    public static void Run(LoadedRecipe loaded)
    {
        SparsitySection section = loaded.Recipe.Sparsity;
        int maxSteps = loaded.Recipe.Training.MaxSteps;
        Attention(loaded, section.Attention, maxSteps);
        // Keys of a method that is switched off may stay.
        if (section.Method == SparsityMethod.None) return;
        if (section.MinDensity > 1 - section.Sparsity + 1e-9)
            throw loaded.Error("sparsity.min_density", $"{section.MinDensity} in every layer cannot be had at a sparsity of {section.Sparsity}; at most {Math.Round(1 - section.Sparsity, 9)}.");
        if (loaded.Recipe.Optimizer.Name == OptimizerName.Muon)
            throw loaded.Error("optimizer.name", "muon makes whole matrices orthogonal, which sparse ones cannot be; with sparsity.method use adamw.");
        Method(loaded, section);
        if (section.Method == SparsityMethod.Mst) Phases(loaded, section, maxSteps);
    }

    /// <summary>What depends on the model.</summary>
    /// <exception cref="UserErrorException">A layer or a head that the model does not have.</exception>
    public static void Model(LoadedRecipe loaded, TransformerSpec spec)
    {
        SparseAttentionSection attention = loaded.Recipe.Sparsity.Attention;
        Known("attention_layers", attention.Layers, spec.NumHiddenLayers, "layers");
        Known("attention_heads", attention.Heads, spec.NumAttentionHeads, "query heads");

        void Known(string key, IReadOnlyList<int> listed, int count, string things)
        {
            int unknown = listed.FirstOrDefault(index => index >= count, -1);
            if (unknown >= 0) throw loaded.Error("sparsity." + key, $"there is no {unknown}: the model has {count} {things}, 0 to {count - 1}.");
        }
    }

    static void Method(LoadedRecipe loaded, SparsitySection section)
    {
        string method = section.Method.ToString().ToLowerInvariant();
        BlockGrowth? own = section.Method switch { SparsityMethod.Set => BlockGrowth.Random, SparsityMethod.Rigl => BlockGrowth.Gradient, _ => null };
        if (section.Growth is { } growth && growth != own && section.Method != SparsityMethod.Mst)
            throw Unused("growth", own is { } grows ? $"{method} grows by '{grows.ToString().ToLowerInvariant()}'" : "static never changes its mask");
        if (section.Method == SparsityMethod.Mst) return;
        StepOrShare?[] set = SparsityPhases.Set(section);
        for (int i = 0; i < set.Length; i++)
            if (set[i] is not null) throw Unused(SparsityPhases.Keys[i], $"{method} has the same sparsity from the first step to the last");
        if (section.PhaseChange == PhaseChange.Automatic) throw Unused("phase_change", $"{method} has no phases");
        if (section is { Method: SparsityMethod.Static, UpdateUntilStep: not null }) throw Unused("update_until_step", "static never changes its mask");

        UserErrorException Unused(string key, string reason) => loaded.Error("sparsity." + key, $"{reason}; leave it out, or use method: mst.");
    }

    static void Phases(LoadedRecipe loaded, SparsitySection section, int maxSteps)
    {
        TrainingSection training = loaded.Recipe.Training;
        int dense = SparsityPhases.Of(section, maxSteps).DenseFrom;
        if (training.MaxTokens is { } tokens && dense <= maxSteps && tokens < (long)dense * training.GradientAccumulationSteps * training.MicroBatchTokens)
            throw loaded.Error("training.max_tokens", $"the run would end before step {dense}, when every block is alive again (sparsity.dense_from_step); use training.max_steps alone, which the phases follow.");
        StepOrShare?[] set = SparsityPhases.Set(section);
        for (int i = 1; i < set.Length; i++)
            for (int before = 0; before < i; before++)
                if (set[i] is { } later && set[before] is { } earlier && later.At(maxSteps) < earlier.At(maxSteps))
                    throw loaded.Error("sparsity." + SparsityPhases.Keys[i],
                        $"{later} (step {later.At(maxSteps)}) comes before {SparsityPhases.Keys[before]} {earlier} (step {earlier.At(maxSteps)}); the order is {string.Join(" ≤ ", SparsityPhases.Keys)}.");
        if (section.PhaseChange == PhaseChange.Automatic && section.EffectiveDropFraction == 0)
            throw loaded.Error("sparsity.drop_fraction", "without drops the masks never change at full sparsity, which automatic phase changes take for having settled; use a drop_fraction above 0, or phase_change: steps.");
    }

    static void Attention(LoadedRecipe loaded, SparseAttentionSection attention, int maxSteps)
    {
        if (attention is { FromStep: { } from, UntilStep: { } until } && until.At(maxSteps) < from.At(maxSteps))
            throw loaded.Error("sparsity.attention_until_step", $"{until} (step {until.At(maxSteps)}) comes before attention_from_step {from} (step {from.At(maxSteps)}).");
        if (attention.Pattern != AttentionPatternChoice.Dense) return;
        string? key = attention.Layers.Count > 0 ? "attention_layers" : attention.Heads.Count > 0 ? "attention_heads" : attention.FromStep is not null ? "attention_from_step" : attention.UntilStep is not null ? "attention_until_step" : null;
        if (key is not null) throw loaded.Error("sparsity." + key, "attention_pattern is dense, which has no part that is sparse; name a pattern, or leave it out.");
    }
}
