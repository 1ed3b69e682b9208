namespace Litespark.Energy.Clocks.Levels;

/// <summary>One pair of clocks for the whole step: needs no change while training, so that it can be set once by whoever may.</summary>
internal sealed class StaticLevel() : GroupedLevel(isLocal: false)
{
    protected override IEnumerable<int[]> Groups(StepModel model) => [[.. Enumerable.Range(0, model.Counts.Length)]];
}
