namespace Litespark.Energy.Clocks.Live;

/// <summary>What a controller did.</summary>
/// <param name="Changes">Changes that the driver was asked for and granted.</param>
/// <param name="Checked">Changes after which the clocks were read.</param>
/// <param name="Missed">Of these, those after which a clock was above what it was bound to.</param>
/// <param name="Late">Changes that were asked for more than a settling time after they were due.</param>
/// <param name="Problem">Why clocks were left to the GPU before the end, or could not be left to it; null where neither was so.</param>
public sealed record ClockReport(long Changes, long Checked, long Missed, long Late, string? Problem)
{
    /// <summary>In a sentence.</summary>
    public override string ToString()
    {
        string text = $"clocks were changed {Changes} times{(Late > 0 ? $", {Late} of them late" : "")}; {(Missed == 0 ? $"all {Checked} that were read back held" : $"{Missed} of {Checked} that were read back did not hold")}";
        return Problem is null ? text : $"{text}. The clocks are no longer the plan's: {Problem}";
    }
}
