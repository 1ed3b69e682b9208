using Litespark.Devices.Cuda.Compilation;
using Litespark.Devices.Cuda.Driver;
using Litespark.Devices.Cuda.Launching;
using Litespark.Graphs.Ops;
using Litespark.Planning;

namespace Litespark.Devices.Cuda.Ops;

/// <summary>
/// What attention with a pattern leaves out although the pattern shows it, which kernels find before either pass, and how much is computed. Where a
/// pattern's threshold is 0, they find at once that nothing is left out.
/// </summary>
/// <param name="Calls">Find it, in this order.</param>
/// <param name="Patterns">Address of the patterns.</param>
/// <param name="LeftOut">Address of the cells that are left out, a bit each.</param>
internal sealed record AttentionSelection(IReadOnlyList<ICudaCall> Calls, nint Patterns, nint LeftOut)
{
    // As in attention_select.cu and attention_pattern.cuh.
    const int Panel = 16, Cell = 64, CellsPerWord = 16, Threads = 128, WarpsPerBlock = 4, Alignment = 16;

    /// <summary>All keys of every head, where there are no patterns.</summary>
    public static readonly AttentionSelection None = new([], 0, 0);

    /// <summary>Bytes of scratch memory.</summary>
    public static long Bytes(AttentionGeometry g) => Parts(g).Sum();

    /// <summary>Binds the kernels.</summary>
    /// <param name="binding">What is at hand.</param>
    /// <param name="g">Sizes of the attention.</param>
    /// <param name="window">Keys that the model itself lets a query see; 0 = all.</param>
    /// <param name="scale">Factor on scores.</param>
    /// <param name="q">Queries.</param>
    /// <param name="k">Keys.</param>
    /// <param name="starts">Address of the documents' starts.</param>
    /// <param name="pattern">The buffer of patterns.</param>
    /// <param name="memory">Address of <see cref="Bytes"/> of scratch memory, a multiple of 16.</param>
    /// <param name="share">Address of the share of pairs that is computed, which is written; 0: nobody asks.</param>
    public static AttentionSelection Bind(CudaBinding binding, AttentionGeometry g, int window, float scale, Operand q, Operand k, nint starts, Operand pattern, nint memory, nint share)
    {
        long[] parts = Parts(g);
        nint centres = memory, radii = centres + (nint)parts[0], leftOut = radii + (nint)parts[1], counts = leftOut + (nint)parts[2], patterns = binding.Address(pattern.Contiguous());
        var variant = new KernelVariant("attention_select", $"HEAD_DIM={g.HeadDim}");
        int panels = Pieces(g.SequenceLength, Panel), cells = Pieces(g.SequenceLength, Cell);
        List<ICudaCall> calls =
        [
            binding.Launch(variant, "attention_centres", new LaunchShape(Pieces(panels, WarpsPerBlock), Threads, GridY: g.KeyValueHeads, GridZ: g.Sequences),
                binding.Address(k), patterns, centres, radii, g.SequenceLength, g.Heads, (long)k.Stride),
            binding.Launch(variant, "attention_select", new LaunchShape(cells, Threads, 2 * Cell * AttentionTiles.RowBytesOf(g.HeadDim), GridY: g.Heads, GridZ: g.Sequences),
                binding.Address(q), binding.Address(k), starts, patterns, centres, radii, leftOut, counts,
                g.SequenceLength, g.Heads, g.Heads / g.KeyValueHeads, window, scale, (long)q.Stride, (long)k.Stride),
        ];
        if (share != 0) calls.Add(binding.Launch(variant, "attention_share", new LaunchShape(1, Threads), counts, share, checked(cells * g.Heads * g.Sequences)));
        return new AttentionSelection(calls, patterns, leftOut);
    }

    /// <summary>Bytes of centres, radii, cells, counts.</summary>
    static long[] Parts(AttentionGeometry g)
    {
        long panels = (long)g.Sequences * g.KeyValueHeads * Pieces(g.SequenceLength, Panel), cells = Pieces(g.SequenceLength, Cell), cellRows = g.Sequences * g.Heads * cells;
        return [Aligned(panels * g.HeadDim * sizeof(ushort)), Aligned(panels * sizeof(float)), Aligned(cellRows * Pieces((int)cells, CellsPerWord) * sizeof(ushort)), Aligned(cellRows * 2 * sizeof(int))];
    }

    static int Pieces(int length, int piece) => (length + piece - 1) / piece;

    static long Aligned(long bytes) => (bytes + Alignment - 1) / Alignment * Alignment;
}
