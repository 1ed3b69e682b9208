using System.Runtime.InteropServices;

namespace Litespark.Devices.Cpu;

/// <summary>The counters that workers of a <see cref="WorkerPool"/> share, each alone in its pair of cache lines (no false sharing).</summary>
[StructLayout(LayoutKind.Explicit, Size = 512)]
internal struct PoolCounters
{
    /// <summary>Tasks not yet handed out; below zero once workers have asked in vain.</summary>
    [FieldOffset(128)] public int Remaining;

    /// <summary>Tasks not yet reported as done.</summary>
    [FieldOffset(256)] public int Unfinished;

    /// <summary>Raised once for every loop, and to end.</summary>
    [FieldOffset(384)] public int Generation;
}
