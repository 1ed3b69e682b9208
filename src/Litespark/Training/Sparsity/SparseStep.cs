namespace Litespark.Training.Sparsity;

/// <summary>What a step of sparse training is.</summary>
/// <param name="Step">Counted from 1.</param>
/// <param name="Phase">Where the step is.</param>
/// <param name="IsSparse">Whether any block is dead in it.</param>
/// <param name="IsTopologyStep">Whether it ends with new masks (<see cref="SparsityController.Update"/>).</param>
/// <param name="NeedsGradients">Whether those need gradients of dead blocks too: the step's gradients must then be dense.</param>
/// <param name="Density">Share of live elements in it, of the weights that are covered: the share of their products' FLOPs.</param>
/// <param name="IsAttentionSparse">Whether the recipe's attention pattern applies.</param>
public readonly record struct SparseStep(int Step, SparsityPhase Phase, bool IsSparse, bool IsTopologyStep, bool NeedsGradients, double Density, bool IsAttentionSparse);

/// <summary>What a topology step changed.</summary>
/// <param name="Changed">Names of the weights with new masks, in ordinal order.</param>
/// <param name="Grown">Blocks that were dead before.</param>
/// <param name="Dropped">Blocks that are dead now.</param>
/// <param name="Churn">Share of the live blocks that were dead before.</param>
public sealed record TopologyChange(IReadOnlyList<string> Changed, int Grown, int Dropped, double Churn);

/// <summary>Mean magnitude of each block of a weight, row by row: [blocks] by canonical name.</summary>
public delegate ReadOnlySpan<float> BlockNorms(string name);
