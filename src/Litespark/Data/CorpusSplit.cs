using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using Litespark.Data.Sources;

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

    /// <summary>Spread evenly over all values (SHA-256 of the text); the same for all parts of a group.</summary>
    public static ulong Hash(Document document)
    {
        Span<byte> hash = stackalloc byte[32];
        if (document.Group is { } group) SHA256.HashData(Encoding.UTF8.GetBytes(group), hash);
        else SHA256.HashData(document.Text.Span, hash);
        return BinaryPrimitives.ReadUInt64LittleEndian(hash);
    }

    /// <summary>Whether the document of this hash is held out.</summary>
    public bool IsHeldOut(ulong hash)
    {
        smallest = Math.Min(smallest, hash);
        return hash < threshold || Fraction >= 1;
    }

    /// <summary>A split that holds out the document with the smallest hash seen so far.</summary>
    public CorpusSplit HoldOutSmallest() => new(Fraction, Math.Min(smallest, ulong.MaxValue - 1) + 1);
}
