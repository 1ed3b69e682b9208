using Litespark.Models;
using Litespark.Recipes;
using Litespark.Training.Sparsity;

namespace Litespark.Benchmarks.Studies;

/// <summary>What a recipe will cost by the template, before it runs: its schedule, step by step, with the sparsity that it aims at.</summary>
internal static class StudyForecast
{
    /// <summary>FLOPs of a token, as the mean over all steps.</summary>
    /// <param name="recipe">The recipe, with phases by steps: what automatic ones will observe is not known.</param>
    /// <param name="spec">Its architecture.</param>
    public static TokenFlops Of(Recipe recipe, TransformerSpec spec)
    {
        SparsitySection section = recipe.Sparsity;
        int steps = recipe.Training.MaxSteps, length = recipe.Training.SequenceLength;
        var template = new TemplateFlops(spec, length, section);
        var schedule = new SparsitySchedule(section, steps);
        bool isSparse = section.Method != SparsityMethod.None, growsByGradients = TopologyRule.GradientShareOf(section) > 0;
        double density = isSparse ? 1 - schedule.SparsityAt(1) : 1, sparseShare = AttentionShare(section.Attention, spec, length);
        TokenFlops sum = default;
        for (int step = 1; step <= steps; step++)
        {
            bool hasNewMasks = isSparse && schedule.IsTopologyStep(step);
            double next = hasNewMasks ? 1 - schedule.SparsityAt(step + 1) : density;
            sum += template.Of(_ => density, hasNewMasks && growsByGradients && next < 1, schedule.IsAttentionSparse(step) ? sparseShare : 1);
            density = next;
        }

        return sum * (1.0 / steps);
    }

    /// <summary>Share of the pairs of a causal row that the recipe's pattern has, over all heads.</summary>
    static double AttentionShare(SparseAttentionSection attention, TransformerSpec spec, int length)
    {
        long live = 0;
        for (int query = 0; query < length; query++)
            for (int key = 0; key <= query; key++)
                if (Sees(attention, query / attention.Block, key / attention.Block)) live++;
        double layers = Part(attention.Layers, spec.NumHiddenLayers), heads = Part(attention.Heads, spec.NumAttentionHeads);
        return 1 - layers * heads * (1 - live / (length * (length + 1.0) / 2));

        static double Part(IReadOnlyList<int> listed, int count) => listed.Count == 0 ? 1 : (double)listed.Count / count;
    }

    /// <summary>Whether a tile is part of the pattern, by the numbers of its query's and its key's block.</summary>
    static bool Sees(SparseAttentionSection attention, int query, int key)
    {
        int window = Blocks(attention.Window), stride = Blocks(attention.Stride);
        bool isLocal = query - key < window, isStrided = (query - key) % stride == 0;
        return attention.Pattern switch
        {
            AttentionPatternChoice.Local => isLocal,
            AttentionPatternChoice.Strided => isStrided,
            AttentionPatternChoice.LocalStrided => isLocal || isStrided,
            AttentionPatternChoice.Fixed => query / stride == key / stride || key % stride == stride - 1,
            _ => true,
        };

        int Blocks(int tokens) => (tokens + attention.Block - 1) / attention.Block;
    }
}
