namespace Litespark.Energy.Clocks;

/// <summary>
/// What a change of clocks costs. The driver's calls run one after another, for all clocks of all GPUs of the machine, so
/// that a change of both clocks of eight GPUs takes sixteen calls' time.
/// </summary>
/// <param name="CallSeconds">Time of one call, for one clock of one GPU.</param>
/// <param name="SettleSeconds">Time from the call's return until the clock holds.</param>
/// <param name="WaitingWatts">Power of all GPUs together while the step waits for a change.</param>
/// <param name="Gpus">GPUs whose clocks change together.</param>
public sealed record ClockSwitching(double CallSeconds, double SettleSeconds, double WaitingWatts, int Gpus)
{
    /// <summary>A change that costs nothing: what plans without switching assume.</summary>
    public static readonly ClockSwitching Free = new(0, 0, 0, 1);

    /// <summary>Seconds from the first call until the clocks hold on all GPUs; 0 where nothing changes.</summary>
    /// <param name="changes">Clocks that change (<see cref="ClockPair.ChangesTo"/>).</param>
    public double Seconds(int changes) => changes == 0 ? 0 : (changes * Gpus * CallSeconds) + SettleSeconds;

    /// <summary>Joules that a change takes where the step waits for it.</summary>
    /// <param name="changes">Clocks that change.</param>
    public double Joules(int changes) => WaitingWatts * Seconds(changes);
}
