namespace Litespark.Energy.Clocks;

/// <summary>A solution of a level.</summary>
/// <param name="CallClocks">The clocks of every call of the step, as indices.</param>
/// <param name="Cost">Time and energy of the step.</param>
/// <param name="LowerBound">No solution of this level is better: joules, or joule seconds.</param>
internal sealed record LevelSolution(int[] CallClocks, StepCost Cost, double LowerBound);

/// <summary>A way to choose clocks.</summary>
internal interface IPlanLevel
{
    /// <summary>The least energy within (1 + τ) of automatic clocks' time.</summary>
    LevelSolution Minimize(StepModel model, double tau);

    /// <summary>The least energy × time.</summary>
    LevelSolution MinimizeEnergyDelay(StepModel model);
}

/// <summary>A level at which groups of kernels keep one pair of clocks each, wherever their calls are.</summary>
/// <param name="isLocal">Whether every group keeps to the budget by itself.</param>
internal abstract class GroupedLevel(bool isLocal) : IPlanLevel
{
    /// <summary>The step's kernels in groups; every kernel in one.</summary>
    protected abstract IEnumerable<int[]> Groups(StepModel model);

    public LevelSolution Minimize(StepModel model, double tau)
        => Solve(model, isLocal, (groups, kernels) => ChoiceSolver.Minimize(groups, (1 + tau) * kernels.Sum(model.AutomaticSeconds))!, cost => cost.Joules);

    public LevelSolution MinimizeEnergyDelay(StepModel model)
        => Solve(model, isLocal, (groups, _) => ChoiceSolver.MinimizeEnergyDelay(groups), cost => cost.EnergyDelay);

    LevelSolution Solve(StepModel model, bool oneByOne, Func<IReadOnlyList<ChoiceGroup>, IReadOnlyList<int[]>, Choice> solve, Func<StepCost, double> objective)
    {
        int[][] kernels = [.. Groups(model)];
        ChoiceGroup[] groups = [.. kernels.Select(model.Group)];
        Choice[] choices = oneByOne ? [.. groups.Zip(kernels, (group, members) => solve([group], [members]))] : [solve(groups, kernels)];
        int[] clocks = [.. choices.SelectMany(choice => choice.Clocks)];
        var ofKernel = new int[model.Counts.Length];
        for (int group = 0; group < kernels.Length; group++)
            foreach (int kernel in kernels[group]) ofKernel[kernel] = clocks[group];
        StepCost cost = model.CostOf(ofKernel);
        // Groups by themselves are solved exactly, one option each; their sum is what this level can do.
        return new LevelSolution([.. model.Sequence.Select(kernel => ofKernel[kernel])], cost, oneByOne ? objective(cost) : choices[0].LowerBound);
    }
}
