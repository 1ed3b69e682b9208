namespace Litespark.Energy;

/// <summary>From joules to the grams of CO₂ equivalent that they stand for.</summary>
public static class Carbon
{
    /// <summary>Kilograms of CO₂ equivalent per kilowatt-hour where none is stated: the Litespark report's figure.</summary>
    public const double DefaultIntensity = 0.35;

    /// <summary>Joules in a kilowatt-hour.</summary>
    public const double JoulesPerKilowattHour = 3.6e6;

    /// <summary>Grams of CO₂ equivalent.</summary>
    /// <param name="joules">Energy of the devices.</param>
    /// <param name="kilogramsPerKilowattHour">Carbon intensity of the grid.</param>
    /// <param name="pue">Power usage effectiveness: energy of the whole data centre over that of the devices; 1 counts the devices alone.</param>
    public static double Grams(double joules, double kilogramsPerKilowattHour = DefaultIntensity, double pue = 1) =>
        joules / JoulesPerKilowattHour * pue * kilogramsPerKilowattHour * 1000;
}
