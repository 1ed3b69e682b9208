using Litespark.Graphs;
using Litespark.Planning;

namespace Litespark.Benchmarks.Builds;

/// <summary>
/// The activations that a call overwrites although it reads them. Run again and again it would find its own results there, which
/// soon are denormal or infinite numbers and take another time than a step's; so they are put back between turns.
/// </summary>
internal sealed unsafe class InPlaceOperands
{
    readonly NativeBuffer transient;
    readonly (long Offset, int Length)[] regions;
    byte[][] saved = [];

    public InPlaceOperands(KernelCall call, NativeBuffer transient)
    {
        this.transient = transient;
        Operand[] written = [.. call.Outputs, .. call.Op.MutatedInputs.Select(index => call.Inputs[index])];
        regions = [.. call.Inputs.Where(input => input.Arena == ArenaKind.Transient && written.Any(output => Overlap(input, output))).Select(input => (input.Offset, checked((int)Extent(input)))).Distinct()];
    }

    /// <summary>Bytes that are kept.</summary>
    public long Bytes => regions.Sum(region => (long)region.Length);

    /// <summary>Keeps what lies there.</summary>
    public void Save() => saved = [.. regions.Select(region => Memory(region).ToArray())];

    /// <summary>Puts it back.</summary>
    public void Restore()
    {
        for (int i = 0; i < saved.Length; i++) saved[i].CopyTo(Memory(regions[i]));
    }

    Span<byte> Memory((long Offset, int Length) region) => new((byte*)transient.Pointer + region.Offset, region.Length);

    static bool Overlap(Operand a, Operand b) => a.Arena == b.Arena && a.Offset < b.Offset + Extent(b) && b.Offset < a.Offset + Extent(a);

    /// <summary>Bytes from the first element to the last, gaps between rows included.</summary>
    static long Extent(Operand operand) => ((operand.Rows - 1L) * operand.Stride + operand.Columns) * operand.Value.Type.DataType.Size();
}
