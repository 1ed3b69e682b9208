using Litespark.Graphs;
using Litespark.Models;
using Litespark.Planning;
using Litespark.Recipes;

namespace Litespark.Training.Sparsity;

/// <summary>
/// Hybrid sparse attention of a run (Hu et al. 2024): the recipe's pattern in some steps, layers and heads, dense attention in all others;
/// tiles of little weight are left out in every step where the recipe gives a threshold.
/// </summary>
internal sealed class HybridAttention
{
    readonly SparseAttentionSection section;
    readonly SparsitySchedule schedule;
    readonly LoadedAttention attention;
    readonly double patternShare;
    bool? isSparse;

    HybridAttention(Recipe recipe, TransformerSpec spec, ILoadedProgram program)
    {
        section = recipe.Sparsity.Attention;
        schedule = new SparsitySchedule(recipe.Sparsity, recipe.Training.MaxSteps);
        attention = new LoadedAttention(program);
        double covered = (double)(section.Layers.Count == 0 ? spec.NumHiddenLayers : section.Layers.Count) / spec.NumHiddenLayers
            * (section.Heads.Count == 0 ? spec.NumAttentionHeads : section.Heads.Count) / spec.NumAttentionHeads;
        patternShare = 1 - covered * (1 - Pattern(section).Share(recipe.Training.SequenceLength, spec.SlidingWindow));
    }

    /// <summary>Whether a recipe's attention is ever sparse.</summary>
    public static bool IsWanted(SparsitySection section) => section.Attention.Pattern != AttentionPatternChoice.Dense || section.Attention.SkipThreshold > 0;

    /// <summary>Of a run; null where attention is always dense.</summary>
    public static HybridAttention? Open(Recipe recipe, TransformerSpec spec, ILoadedProgram program) => IsWanted(recipe.Sparsity) ? new HybridAttention(recipe, spec, program) : null;

    /// <summary>Before a step: writes the patterns where they change.</summary>
    /// <param name="step">The step, from 1.</param>
    /// <param name="plan">What sparse training makes of the step; null where weights are dense.</param>
    public void Begin(long step, SparseStep? plan)
    {
        bool now = plan?.IsAttentionSparse ?? schedule.IsAttentionSparse(checked((int)step));
        if (now != isSparse) Write(now);
    }

    void Write(bool now)
    {
        isSparse = now;
        for (int layer = 0; layer < attention.LayerCount; layer++)
        {
            var heads = new AttentionPattern[attention.Heads(layer)];
            if (now && (section.Layers.Count == 0 || section.Layers.Contains(layer)))
                for (int head = 0; head < heads.Length; head++)
                    if (section.Heads.Count == 0 || section.Heads.Contains(head)) heads[head] = Pattern(section);
            attention.Write(layer, heads, (float)section.SkipThreshold);
        }
    }

    /// <summary>Writes the pattern for good, for what is not trained.</summary>
    public void BeginSparse() => Write(true);

    /// <summary>Share of the causal area that the step computed: as kernels counted it, or where they do not (attention by masks computes all and hides) by the pattern.</summary>
    /// <param name="microBatches">Micro-batches of the step.</param>
    public double Share(int microBatches) => attention.Share(microBatches) ?? (isSparse == true ? patternShare : 1);

    static AttentionPattern Pattern(SparseAttentionSection section) => section.Pattern switch
    {
        AttentionPatternChoice.Local => new(AttentionMode.Local, section.Window, section.Stride, section.Block),
        AttentionPatternChoice.Strided => new(AttentionMode.Strided, section.Window, section.Stride, section.Block),
        AttentionPatternChoice.LocalStrided => new(AttentionMode.LocalOrStrided, section.Window, section.Stride, section.Block),
        AttentionPatternChoice.Fixed => new(AttentionMode.Fixed, section.Stride, section.Stride, section.Block),
        _ => AttentionPattern.Dense,
    };
}
