using Litespark.Recipes;

namespace Litespark.Training.Sparsity;

/// <summary>Where in sparse training a step is.</summary>
public enum SparsityPhase
{
    /// <summary>Every block lives, at the run's beginning.</summary>
    DenseStart,

    /// <summary>Sparsity rises to its target.</summary>
    WarmUp,

    /// <summary>Sparsity has its target.</summary>
    UltraSparse,

    /// <summary>Sparsity falls back to zero.</summary>
    Restoration,

    /// <summary>Every block lives again.</summary>
    DenseEnd,
}

/// <summary>
/// What sparsity should be when, and when masks change. Steps are counted from 1. A topology step changes the masks after its own update of
/// the weights, so that the masks hold from the next step on: that step's sparsity is what it aims at.
/// </summary>
public sealed class SparsitySchedule
{
    readonly SparsitySection section;
    readonly int maxSteps;

    /// <summary>The schedule of a recipe, or of phases that were moved since.</summary>
    public SparsitySchedule(SparsitySection section, int maxSteps, SparsityPhases? phases = null)
    {
        ArgumentNullException.ThrowIfNull(section);
        this.section = section;
        this.maxSteps = maxSteps;
        Phases = phases ?? SparsityPhases.Of(section, maxSteps);
    }

    /// <summary>The phases.</summary>
    public SparsityPhases Phases { get; }

    /// <summary>The phase of a step.</summary>
    public SparsityPhase PhaseAt(int step) =>
        step <= Phases.DenseUntil ? SparsityPhase.DenseStart
        : step < Phases.SparseFrom ? SparsityPhase.WarmUp
        : step < Phases.RestoreFrom ? SparsityPhase.UltraSparse
        : step < Phases.DenseFrom ? SparsityPhase.Restoration
        : SparsityPhase.DenseEnd;

    /// <summary>The sparsity that a step should have; between topology steps the masks lag behind it.</summary>
    public double SparsityAt(int step) => section.Sparsity * PhaseAt(step) switch
    {
        SparsityPhase.WarmUp => Risen(Progress(step, Phases.DenseUntil, Phases.SparseFrom)),
        SparsityPhase.UltraSparse => 1,
        SparsityPhase.Restoration => 1 - Risen(Progress(step, Phases.RestoreFrom - 1, Phases.DenseFrom)),
        _ => 0,
    };

    /// <summary>Whether the step ends with new masks: every so many steps of a phase, and where sparsity or density has to be complete for the next.</summary>
    public bool IsTopologyStep(int step)
    {
        int next = step + 1;
        if (step < 1 || step >= maxSteps) return false;
        if (next == Phases.SparseFrom || next == Phases.DenseFrom) return true;
        SparsityPhase phase = PhaseAt(next);
        if (phase is SparsityPhase.DenseStart or SparsityPhase.DenseEnd) return false;
        if (phase == SparsityPhase.UltraSparse && (section.Method == SparsityMethod.Static || step > Phases.UpdateUntil)) return false;
        int elapsed = step - Begin(phase);
        return elapsed > 0 && elapsed % section.UpdateEverySteps == 0;
    }

    /// <summary>
    /// Share of live blocks that a topology step drops: ζ/2·(1 + cos(π·progress)) with the progress within its phase, 0 at the phase's end
    /// and after <see cref="SparsityPhases.UpdateUntil"/> (cosine annealing of RigL, Evci et al. 2020, restarted by each phase).
    /// </summary>
    public double DropFractionAt(int step)
    {
        if (step > Phases.UpdateUntil) return 0;
        // The step that completes a ramp belongs to the ramp.
        SparsityPhase phase = step + 1 == Phases.SparseFrom ? SparsityPhase.WarmUp : step + 1 == Phases.DenseFrom ? SparsityPhase.Restoration : PhaseAt(step + 1);
        int end = phase switch
        {
            SparsityPhase.WarmUp => Phases.SparseFrom - 1,
            SparsityPhase.UltraSparse => Math.Min(Phases.RestoreFrom - 1, Math.Min(Phases.UpdateUntil, maxSteps)),
            SparsityPhase.Restoration => Phases.DenseFrom - 1,
            _ => 0,
        };
        return section.EffectiveDropFraction / 2 * (1 + Math.Cos(Math.PI * Progress(step, Begin(phase), end)));
    }

    /// <summary>
    /// Whether the recipe's attention pattern applies at a step: from <c>attention_from_step</c> to <c>attention_until_step</c>, which are those of full
    /// sparsity where they are not set. Needs no method.
    /// </summary>
    public bool IsAttentionSparse(int step)
    {
        SparseAttentionSection attention = section.Attention;
        if (attention.Pattern == AttentionPatternChoice.Dense) return false;
        int from = attention.FromStep?.At(maxSteps) ?? Phases.SparseFrom, until = attention.UntilStep?.At(maxSteps) ?? Phases.RestoreFrom - 1;
        return step >= from && step <= until;
    }

    /// <summary>Last step before the phase.</summary>
    int Begin(SparsityPhase phase) => phase switch
    {
        SparsityPhase.WarmUp => Phases.DenseUntil,
        SparsityPhase.UltraSparse => Phases.SparseFrom - 1,
        _ => Phases.RestoreFrom - 1,
    };

    static double Progress(int step, int begin, int end) => end <= begin ? 1 : Math.Clamp((double)(step - begin) / (end - begin), 0, 1);

    /// <summary>Share of a ramp's height at a share of its length; cubic after Zhu and Gupta (2017).</summary>
    double Risen(double t) => section.Schedule switch
    {
        SparsityRamp.Linear => t,
        SparsityRamp.Cubic => 1 - (1 - t) * (1 - t) * (1 - t),
        _ => 1,
    };
}
