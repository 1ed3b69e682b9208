namespace Litespark.Recipes;

/// <summary>
/// The phases of sparse training in steps, counted from 1. Steps up to <see cref="DenseUntil"/> are dense; sparsity has its target from
/// <see cref="SparseFrom"/> on, rises between the two, falls from <see cref="RestoreFrom"/> on and is zero from <see cref="DenseFrom"/> on.
/// </summary>
/// <param name="DenseUntil">Last step of the dense start; 0 = none.</param>
/// <param name="SparseFrom">First step at the target, after <paramref name="DenseUntil"/>.</param>
/// <param name="RestoreFrom">First step of the ramp back, not before <paramref name="SparseFrom"/>; beyond the run = never.</param>
/// <param name="DenseFrom">First step of the dense end, not before <paramref name="RestoreFrom"/>.</param>
/// <param name="UpdateUntil">Last step at which blocks are exchanged at an unchanged sparsity.</param>
public sealed record SparsityPhases(int DenseUntil, int SparseFrom, int RestoreFrom, int DenseFrom, int UpdateUntil)
{
    /// <summary>A step that never comes.</summary>
    public const int Never = int.MaxValue;

    /// <summary>The phases of a recipe. Keys that are not set have the method's defaults, moved between those that are.</summary>
    public static SparsityPhases Of(SparsitySection section, int maxSteps)
    {
        ArgumentNullException.ThrowIfNull(section);
        bool hasPhases = section.Method == SparsityMethod.Mst;
        int updateUntil = section.UpdateUntilStep?.At(maxSteps) ?? (hasPhases ? maxSteps : new StepOrShare(0.75).At(maxSteps));
        if (!hasPhases) return new SparsityPhases(0, 1, Never, Never, updateUntil);

        bool automatic = section.PhaseChange == PhaseChange.Automatic;
        StepOrShare?[] set = Set(section);
        double[] defaults = automatic ? [0.2, 0.3, 0.8, 0.95] : [0.02, 0.12, 0.8, 0.95];
        int[] steps = new int[set.Length];
        for (int i = 0, lower = 0; i < set.Length; i++)
        {
            int upper = set.Skip(i).Where(key => key is not null).Select(key => key!.Value.At(maxSteps)).Append(Never).Min();
            lower = steps[i] = set[i]?.At(maxSteps) ?? Math.Clamp(new StepOrShare(defaults[i]).At(maxSteps), lower, Math.Max(lower, upper));
        }
        // A jump is a ramp of one step.
        bool jump = section.Schedule == SparsityRamp.Step;
        int sparseFrom = jump ? steps[0] + 1 : Math.Max(steps[1], steps[0] + 1);
        int restoreFrom = steps[2] > maxSteps ? Never : Math.Max(steps[2], sparseFrom);
        int denseFrom = restoreFrom == Never ? Never : jump ? restoreFrom : Math.Max(steps[3], restoreFrom);
        return new SparsityPhases(steps[0], sparseFrom, restoreFrom, denseFrom, updateUntil);
    }

    /// <summary>The four keys, in their order.</summary>
    internal static StepOrShare?[] Set(SparsitySection section) => [section.DenseUntilStep, section.SparseFromStep, section.RestoreFromStep, section.DenseFromStep];

    /// <summary>Their names.</summary>
    internal static readonly string[] Keys = ["dense_until_step", "sparse_from_step", "restore_from_step", "dense_from_step"];
}
