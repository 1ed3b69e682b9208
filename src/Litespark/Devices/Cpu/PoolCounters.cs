using System.Runtime.InteropServices;

namespace Litespark.Devices.Cpu;

/// <summary>The counters that workers of a <see cref="WorkerPool"/> share, each alone in its pair of cache lines (no false sharing).</summary>
[StructLayout(LayoutKind.Explicit, Size = 384)]
internal struct PoolCounters
{
    /// <summary>Tasks not yet reported as done.</summary>
    [FieldOffset(128)] public int Unfinished;

    /// <summary>Raised once for every loop, and to end.</summary>
    [FieldOffset(256)] public int Generation;
}
