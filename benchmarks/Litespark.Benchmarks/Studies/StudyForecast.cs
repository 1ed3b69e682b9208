using Litespark.Graphs;
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
        AttentionPattern pattern = attention.Pattern switch
        {
            AttentionPatternChoice.Local => Of(AttentionMode.Local, attention.Window),
            AttentionPatternChoice.Strided => Of(AttentionMode.Strided, attention.Window),
            AttentionPatternChoice.LocalStrided => Of(AttentionMode.LocalOrStrided, attention.Window),
            // Its pieces are as long as the stride.
            AttentionPatternChoice.Fixed => Of(AttentionMode.Fixed, attention.Stride),
            _ => AttentionPattern.Dense,
        };
        return 1 - Part(attention.Layers, spec.NumHiddenLayers) * Part(attention.Heads, spec.NumAttentionHeads) * (1 - pattern.Share(length));

        AttentionPattern Of(AttentionMode mode, int window) => new(mode, window, attention.Stride, attention.Block);
        static double Part(IReadOnlyList<int> listed, int count) => listed.Count == 0 ? 1 : (double)listed.Count / count;
    }
}
