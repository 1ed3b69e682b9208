namespace Litespark.Energy.Profiles;

/// <summary>Time and energy of one run of something that was run over and over, from steady windows.</summary>
/// <param name="Seconds">Time of one run.</param>
/// <param name="Joules">Energy of one run; null where nothing measures it.</param>
/// <param name="Spread">Largest less smallest of the accepted windows, over their mean: of the time or the energy, whichever is larger.</param>
/// <param name="IsSteady">Whether the spread got below what was asked for; a measurement that is not steady is the best there was.</param>
public sealed record Measurement(double Seconds, double? Joules, double Spread, bool IsSteady)
{
    /// <summary>Mean power; null where no energy is measured.</summary>
    public double? Watts => Joules / Seconds;
}
