using Litespark.Graphs;

namespace Litespark.Devices.Cuda;

/// <summary>
/// Peaks of GPUs by what the driver calls them: dense products of bf16 on tensor cores (where a data sheet counts 2:4 sparsity, half of its
/// figure), and of float32 without tensor cores, as true float32 products are computed. From NVIDIA's data sheets: "H100 Tensor Core
/// GPU", "H200 Tensor Core GPU", "A100 Tensor Core GPU", "A40", "A10", "L40S", "L4". A GPU that is not listed, a part of one (MIG) among
/// them, has none here: no utilisation is better than a wrong one.
/// </summary>
internal static class GpuPeaks
{
    static readonly Dictionary<string, (double BFloat16, double Float32)> Teraflops = new()
    {
        ["NVIDIA H200"] = (989, 67),
        ["NVIDIA H100 80GB HBM3"] = (989, 67),
        ["NVIDIA H100 PCIe"] = (756, 51),
        ["NVIDIA A100-SXM4-80GB"] = (312, 19.5),
        ["NVIDIA A100-SXM4-40GB"] = (312, 19.5),
        ["NVIDIA A100 80GB PCIe"] = (312, 19.5),
        ["NVIDIA A100-PCIE-40GB"] = (312, 19.5),
        ["NVIDIA A40"] = (149.7, 37.4),
        ["NVIDIA A10"] = (125, 31.2),
        ["NVIDIA L40S"] = (362, 91.6),
        ["NVIDIA L4"] = (121, 30.3),
    };

    /// <summary>FLOP/s of products of an element type, or null.</summary>
    /// <param name="gpu">Its name as the driver gives it.</param>
    /// <param name="precision">Element type of the operands.</param>
    public static double? Find(string gpu, DataType precision)
    {
        if (!Teraflops.TryGetValue(gpu, out (double BFloat16, double Float32) peak)) return null;
        return precision switch
        {
            DataType.BFloat16 => peak.BFloat16 * 1e12,
            DataType.Float32 => peak.Float32 * 1e12,
            _ => null,
        };
    }
}
