using Litespark.Devices.Cuda.Launching;
using Litespark.Graphs;

namespace Litespark.Devices.Cuda.Ops;

/// <summary>The threads that walk through a row together: a warp, several of which make a block, or a whole block.</summary>
internal readonly record struct RowTeam(int Size)
{
    const int Warp = 32, SmallBlock = 128, LargestBlock = 1024, PacksPerThread = 8, LargestHolding = 4096;

    /// <summary>Threads of a block.</summary>
    public int Threads => Size <= Warp ? SmallBlock : Size;

    /// <summary>Teams of a block.</summary>
    public int Count => Threads / Size;

    /// <summary>Some packs for each thread of the team, so that several are on their way at a time.</summary>
    public static RowTeam For(int columns, int vector)
    {
        int threads = (columns / vector + PacksPerThread - 1) / PacksPerThread;
        return new RowTeam(Math.Clamp((threads + Warp - 1) / Warp * Warp, Warp, LargestBlock));
    }

    /// <summary>The team whose threads hold a row of so many packs in their registers, at most so many each; null where a block has too few, or too few registers.</summary>
    public static RowTeam? Holding(int packs, int each)
    {
        if (each == 0) return null;
        int size = ((packs + each - 1) / each + Warp - 1) / Warp * Warp;
        return size <= LargestHolding / each ? new RowTeam(size) : null;
    }

    /// <summary>Blocks for so many rows, one a team.</summary>
    public int Blocks(long rows) => checked((int)((rows + Count - 1) / Count));

    /// <summary>The kernels' macros.</summary>
    public string[] Defines(DataType element, int vector) => [CudaBinding.Element(element), $"VECTOR={vector}", $"TEAM={Size}", $"THREADS={Threads}"];
}
