using Litespark.Energy;

namespace Litespark.Tests.Energy.Nodes;

/// <summary>A meter that shows what it is told to.</summary>
internal sealed class FakeMeter(string source) : IEnergyMeter
{
    double joules;

    public double Joules
    {
        get => Volatile.Read(ref joules);
        set => Volatile.Write(ref joules, value);
    }

    public bool IsDisposed { get; private set; }

    public string Source => source;

    public bool IsEstimate => source == EnergySources.Estimate;

    public string Explanation => $"made up ({source})";

    public IReadOnlyList<string> Counted { get; init; } = [];

    public TimeSpan ShortestWindow => TimeSpan.FromMilliseconds(50);

    public double ReadJoules() => Joules;

    public void Dispose() => IsDisposed = true;
}
