using Litespark.Energy.Clocks;

namespace Litespark.Energy.Advice;

/// <summary>A setting and what it costs.</summary>
/// <param name="Setting">Watts of a power limit, or sequences of a micro-batch.</param>
/// <param name="Cost">Time and energy, of a step or of a token.</param>
public sealed record AdviceOption(double Setting, StepCost Cost);

/// <summary>
/// Settings to choose from by Zeus's criteria (You, Chung, Chowdhury, NSDI 2023): least energy, least time, least cost
/// η·E + (1 − η)·P_max·T, and least energy within a slowdown of the fastest.
/// </summary>
public sealed class SettingAdvice
{
    /// <param name="options">The settings, one or more.</param>
    /// <param name="eta">η, from 0 (time alone) to 1 (energy alone).</param>
    /// <param name="maxWatts">P_max, which makes time comparable with energy.</param>
    /// <param name="maxSlowdown">Time over the fastest setting's, 1 or more.</param>
    public SettingAdvice(IReadOnlyList<AdviceOption> options, double eta, double maxWatts, double maxSlowdown)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentOutOfRangeException.ThrowIfZero(options.Count);
        if (!(eta is >= 0 and <= 1)) throw new ArgumentOutOfRangeException(nameof(eta), "η is from 0 to 1");
        if (!(maxSlowdown >= 1)) throw new ArgumentOutOfRangeException(nameof(maxSlowdown), "a slowdown is 1 or more");
        (Options, Eta, MaxWatts, MaxSlowdown) = (options, eta, maxWatts, maxSlowdown);
        LeastEnergy = options.MinBy(option => option.Cost.Joules)!;
        LeastTime = options.MinBy(option => option.Cost.Seconds)!;
        LeastCost = options.MinBy(CostOf)!;
        WithinSlowdown = options.Where(option => option.Cost.Seconds <= maxSlowdown * LeastTime.Cost.Seconds).MinBy(option => option.Cost.Joules)!;
    }

    /// <summary>The settings.</summary>
    public IReadOnlyList<AdviceOption> Options { get; }

    /// <summary>η.</summary>
    public double Eta { get; }

    /// <summary>P_max.</summary>
    public double MaxWatts { get; }

    /// <summary>Slowdown that is allowed.</summary>
    public double MaxSlowdown { get; }

    /// <summary>The setting of least energy.</summary>
    public AdviceOption LeastEnergy { get; }

    /// <summary>The fastest setting.</summary>
    public AdviceOption LeastTime { get; }

    /// <summary>The setting of least cost.</summary>
    public AdviceOption LeastCost { get; }

    /// <summary>The setting of least energy among those within the slowdown.</summary>
    public AdviceOption WithinSlowdown { get; }

    /// <summary>Zeus's cost in joules.</summary>
    public double CostOf(AdviceOption option)
    {
        ArgumentNullException.ThrowIfNull(option);
        return (Eta * option.Cost.Joules) + ((1 - Eta) * MaxWatts * option.Cost.Seconds);
    }
}
