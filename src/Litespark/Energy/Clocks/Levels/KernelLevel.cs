namespace Litespark.Energy.Clocks.Levels;

/// <summary>
/// One pair of clocks for each kernel, changes taken to cost nothing (Spaan, Chen and Varbanescu, arXiv 2601.08539, section 3):
/// what clocks could save at best, and a bound for all other levels.
/// </summary>
internal sealed class KernelLevel(bool isLocal) : GroupedLevel(isLocal)
{
    protected override IEnumerable<int[]> Groups(StepModel model) => Enumerable.Range(0, model.Counts.Length).Select(kernel => new[] { kernel });
}
