using Litespark.Graphs;

namespace Litespark.Planning;

/// <summary>One way to compute a call, and how long it takes.</summary>
/// <param name="Name">What it is.</param>
/// <param name="Milliseconds">Median time.</param>
/// <param name="IsOwn">A kernel of our own rather than a library's.</param>
public sealed record TimedVariant(string Name, double Milliseconds, bool IsOwn);

/// <summary>What timing found for all calls of one form.</summary>
/// <param name="Op">The op.</param>
/// <param name="Form">Sizes, layout, element types.</param>
/// <param name="Calls">Calls of the form in the programs.</param>
/// <param name="Flops">FLOPs of one.</param>
/// <param name="Variants">What was timed, the fastest first.</param>
/// <param name="Chosen">The one that plans use from now on; null where nothing could be timed.</param>
/// <param name="Problem">Why nothing could be timed.</param>
/// <param name="LeftOut">Which kernel was not timed, as plans cannot use it for the form either, and why; null where all were.</param>
public sealed record TuningFinding(string Op, string Form, int Calls, double Flops, IReadOnlyList<TimedVariant> Variants, TimedVariant? Chosen, string? Problem = null, string? LeftOut = null);

/// <summary>A device that has several ways to compute some calls.</summary>
public interface ITunable
{
    /// <summary>Times them on memory of its own, form by form, the forms with the most work first, and keeps what was chosen for later programs and runs.</summary>
    /// <param name="programs">Whose calls.</param>
    IEnumerable<TuningFinding> Tune(IReadOnlyList<StepProgram> programs);

    /// <summary>Names of the forms of its kernels for a memory-bound op; the first is what plans use.</summary>
    IReadOnlyList<string> FormsOf(Op op);

    /// <summary>Loads a program whose calls of an op take one of <see cref="FormsOf"/>.</summary>
    ILoadedProgram Load(StepProgram program, Op op, string form);
}
