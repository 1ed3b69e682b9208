namespace Litespark.Energy.Clocks.Levels;

/// <summary>One pair of clocks for each phase of the step.</summary>
internal sealed class PassLevel(bool isLocal) : GroupedLevel(isLocal)
{
    protected override IEnumerable<int[]> Groups(StepModel model)
        => Enumerable.Range(0, model.Counts.Length).GroupBy(kernel => model.Phases[kernel]).Select(group => group.ToArray());
}
