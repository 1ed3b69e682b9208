using Litespark.Energy.Comparison;

namespace Litespark.Cli.Progress;

/// <summary>What may be said of a saving of energy, in one sentence.</summary>
internal static class SavingText
{
    public static string Of(EnergyComparison comparison) => comparison switch
    {
        { Saving: { IsClear: true } saving } => $"{comparison.B.Name} takes {Units.Percent(Math.Abs(saving.Fraction))} {(saving.Fraction > 0 ? "less" : "more")} energy per token than {comparison.A.Name}{Spread(saving)}.",
        { Saving: { Spread: not null } saving } => $"Energy per token differs by less than its windows do: {Units.Percent(saving.Fraction)}{Spread(saving)}.",
        { Saving: { } saving } => $"{comparison.B.Name} takes {Units.Percent(Math.Abs(saving.Fraction))} {(saving.Fraction > 0 ? "less" : "more")} energy per token than {comparison.A.Name} in a single window: how sure that is cannot be said.",
        _ => $"No saving is reported: {comparison.Obstacle}.",
    };

    static string Spread(EnergySaving saving) => $" (± {saving.Spread * 100:F1})";
}
