using Litespark.Models;
using Litespark.Planning;
using Litespark.Recipes;

namespace Litespark.Training.Sparsity;

/// <summary>
/// A recipe's sparsest phase for what is not trained: random masks at its target over the initial weights. A program that knows sparse weights
/// walks their live blocks; one that does not computes with the zeros, as implementations by masks do, and finds the same loss.
/// </summary>
internal static class SparseStart
{
    /// <summary>Masks the weights of a program, and writes the pattern of its attention.</summary>
    /// <returns>What of the program's work is alive; null: all.</returns>
    public static LiveWork? Apply(ILoadedProgram program, TransformerSpec spec, Recipe recipe, DeviceProfile device)
    {
        HybridAttention.Open(recipe, spec, program)?.BeginSparse();
        if (recipe.Sparsity.Method == SparsityMethod.None) return null;
        // Static masks are there from the first step.
        var controller = new SparsityController(recipe.Sparsity with { Method = SparsityMethod.Static, PhaseChange = PhaseChange.Steps },
            recipe.Training.MaxSteps, checked((int)recipe.Training.Seed), SparseTraining.Weights(spec, recipe.Sparsity, device));
        var topology = new LoadedTopology(program);
        if (topology.Tensors.Count > 0)
        {
            topology.Set(controller.Masks.Values);
            topology.Apply(denseGradients: false);
            topology.ZeroDeadBlocks();
            return topology.Work(device, denseGradients: false);
        }

        ParameterStore weights = ParameterStore.Weights(program);
        foreach (BlockMask mask in controller.Masks.Values)
        {
            var values = new float[mask.Weight.Elements];
            weights.Read(mask.Weight.Name, values);
            for (int row = 0, i = 0; row < mask.Weight.Rows; row++)
                for (int column = 0; column < mask.Weight.Columns; column++, i++)
                    if (!mask[row / mask.Weight.BlockRows * mask.Weight.GridColumns + column / mask.Weight.BlockColumns]) values[i] = 0;
            weights.Write(mask.Weight.Name, values);
        }

        return null;
    }
}
