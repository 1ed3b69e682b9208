namespace Litespark.Benchmarking;

/// <summary>How long a benchmark measures. Every figure has its least number of rounds; more follow while there is time.</summary>
public sealed record BenchmarkSettings
{
    /// <summary>A first answer: well under a minute for a small model on two cores.</summary>
    public static readonly BenchmarkSettings Quick = new() { MinRounds = 3, MaxRounds = 9, PassRounds = 3, Budget = TimeSpan.FromSeconds(18) };

    /// <summary>Steadier figures, as for a result that is kept.</summary>
    public static readonly BenchmarkSettings Thorough = new() { MinRounds = 15, MaxRounds = 15, PassRounds = 9, Budget = TimeSpan.MaxValue };

    /// <summary>Turns of each plan that are taken whatever they cost.</summary>
    public required int MinRounds { get; init; }

    /// <summary>Most turns of each plan.</summary>
    public required int MaxRounds { get; init; }

    /// <summary>Most turns of each plan that lacks one pass; one is taken whatever it costs. 0: passes are not measured.</summary>
    public required int PassRounds { get; init; }

    /// <summary>Time after which the two plans take no more turns than they must; the passes together have as much again.</summary>
    public required TimeSpan Budget { get; init; }

    /// <summary>Windows of each plan, in turns, in which energy is measured where turns are too short for the meter; 0: the energy stays a hint.</summary>
    public int EnergyWindows { get; init; } = 3;

    /// <summary>Least length of a turn: short steps are repeated.</summary>
    public TimeSpan Turn { get; init; } = TimeSpan.FromSeconds(0.1);
}
