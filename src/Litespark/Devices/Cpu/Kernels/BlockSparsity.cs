using Litespark.Graphs;
using Litespark.Planning;

namespace Litespark.Devices.Cpu.Kernels;

/// <summary>When walking live blocks is worth it.</summary>
internal static class BlockSparsity
{
    // As in the dense product for few rows, which is bound by reading the weights and has a kernel of its own.
    const int FewRows = 4;

    /// <summary>
    /// Live blocks up to which they are walked, in a product of <paramref name="tokens"/> rows; 0: never. The limit is the profile's, so that
    /// what a step is said to execute is what it does.
    /// </summary>
    public static int MostLive(BlockGrid grid, int tokens) => tokens <= FewRows ? 0 : (int)(grid.Count * DeviceProfile.Cpu.DenseAboveDensity(grid));
}
