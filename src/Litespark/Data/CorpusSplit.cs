namespace Litespark.Data;

/// <summary>
/// Decides by a document's hash whether it is held out for validation: the same for the same text, whatever else the
/// corpus holds and in whatever order.
/// </summary>
internal sealed class CorpusSplit
{
    readonly ulong threshold;
    ulong smallest = ulong.MaxValue;

    /// <summary>Holds out that share of all hashes: 0 = none, 1 = all.</summary>
    public CorpusSplit(double fraction)
    {
        Fraction = fraction;
        threshold = fraction >= 1 ? ulong.MaxValue : (ulong)(fraction * Math.Pow(2, 64));
    }

    CorpusSplit(double fraction, ulong threshold)
    {
        Fraction = fraction;
        this.threshold = threshold;
    }

    /// <summary>The share asked for.</summary>
    public double Fraction { get; }

    /// <summary>Whether the document of this hash is held out.</summary>
    public bool IsHeldOut(ulong hash)
    {
        smallest = Math.Min(smallest, hash);
        return hash < threshold || Fraction >= 1;
    }

    /// <summary>A split that holds out the document with the smallest hash seen so far.</summary>
    public CorpusSplit HoldOutSmallest() => new(Fraction, Math.Min(smallest, ulong.MaxValue - 1) + 1);
}
