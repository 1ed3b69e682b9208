namespace Litespark.Energy.Comparison;

/// <summary>A saving of energy per token.</summary>
/// <param name="Fraction">1 − B over A: 0.5 is half of the energy; negative where B takes more.</param>
/// <param name="Spread">What the windows' standard deviations leave uncertain of it; null where there are too few windows.</param>
public readonly record struct EnergySaving(double Fraction, double? Spread)
{
    /// <summary>Whether it is more than the windows differ by.</summary>
    public bool IsClear => Spread is { } spread && Math.Abs(Fraction) > spread;
}

/// <summary>Two runs, or two plans, side by side.</summary>
/// <param name="A">What is compared with.</param>
/// <param name="B">What is compared.</param>
public sealed record EnergyComparison(EnergySeries A, EnergySeries B)
{
    /// <summary>B's speed over A's.</summary>
    public double Speedup => B.TokensPerSecond.Mean / A.TokensPerSecond.Mean;

    /// <summary>Why no saving may be reported; null where one may.</summary>
    public string? Obstacle => (A, B) switch
    {
        ({ Source: EnergySources.Estimate }, _) => Estimated(A, B),
        (_, { Source: EnergySources.Estimate }) => Estimated(B, A),
        _ when A.Source != B.Source => $"{A.Name} is measured by {A.Source}, {B.Name} by {B.Source}: they do not count the same",
        _ when A.IsImprecise || B.IsImprecise => "the windows are too short for the energy meter",
        _ => null,
    };

    /// <summary>What B saves; null where no saving may be reported (<see cref="Obstacle"/>).</summary>
    public EnergySaving? Saving
    {
        get
        {
            if (Obstacle is not null) return null;
            Figure a = A.JoulesPerToken, b = B.JoulesPerToken;
            double quotient = b.Mean / a.Mean;
            // Of a quotient of two independent figures, to first order.
            double? spread = a.Relative is { } ra && b.Relative is { } rb ? quotient * Math.Sqrt((ra * ra) + (rb * rb)) : null;
            return new EnergySaving(1 - quotient, spread);
        }
    }

    static string Estimated(EnergySeries estimated, EnergySeries other) => other.Source == EnergySources.Estimate
        ? "both figures of energy are estimates (~), which restate time"
        : $"the energy of {estimated.Name} is an estimate (~)";
}
