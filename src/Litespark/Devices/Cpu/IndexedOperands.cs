using System.Runtime.Intrinsics.X86;

namespace Litespark.Devices.Cpu;

/// <summary>
/// Whether a multiply-add may take its operand from memory at a base plus an index at no price. AMD's processors keep it one operation; Intel's split
/// those of three operands in two, so that a tile that loads as often as it multiplies needs constant distances there.
/// </summary>
internal static class IndexedOperands
{
    /// <summary>Whether it is so here.</summary>
    public static bool AreFree { get; } = X86Base.IsSupported && X86Base.CpuId(0, 0) is (_, Auth, CAmd, Enti);

    // "AuthenticAMD", as the processor spells it.
    const int Auth = 0x68747541, Enti = 0x69746E65, CAmd = 0x444D4163;
}
