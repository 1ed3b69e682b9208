namespace Litespark.Energy.Clocks;

/// <summary>
/// The clocks of the GPUs that a run computes on, all alike. Disposing leaves them to the GPUs again. Not thread-safe.
/// </summary>
public interface IClockControl : IDisposable
{
    /// <summary>GPUs whose clocks change together.</summary>
    int Gpus { get; }

    /// <summary>The memory's clocks in MHz, ascending.</summary>
    IReadOnlyList<int> MemoryClocks { get; }

    /// <summary>The core's clocks in MHz at the memory's highest, ascending.</summary>
    IReadOnlyList<int> CoreClocks { get; }

    /// <summary>
    /// Bounds the clocks from above, or leaves them to the GPU; a clock that stays as it was costs no call. Returns when the
    /// driver does: the clocks hold some time later, and may be lower (power, temperature).
    /// </summary>
    /// <exception cref="UserErrorException">They may not or cannot be changed here; what was changed before stays until disposal.</exception>
    void Set(ClockPair clocks);

    /// <summary>After disposal: which clocks could not be left to the GPUs, and why; null where all were.</summary>
    string? RestoreProblem => null;

    /// <summary>The highest clocks of all GPUs now.</summary>
    /// <exception cref="UserErrorException">They cannot be read.</exception>
    (int CoreMegahertz, int MemoryMegahertz) Read();
}
