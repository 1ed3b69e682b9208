using Litespark.Devices.Cuda.Ops;
using Litespark.Graphs;
using Litespark.Graphs.Ops;
using Litespark.Planning;

namespace Litespark.Devices.Cuda;

/// <summary>What plans may know of an NVIDIA GPU.</summary>
public static class CudaProfile
{
    /// <summary>Chunks of the loss of up to 4,096 tokens at vocabularies of 128 thousand: large products, and a gibibyte of logits.</summary>
    const long LossChunkElements = 1L << 29;

    /// <summary>256 bytes of bf16: what the widest copies and NVIDIA's libraries like best.</summary>
    const int PaddingElements = 128;

    /// <summary>The flash kernels are built for tensor cores (bf16), and for heads of up to so many columns, a multiple of 8.</summary>
    const int WidestHead = 256;

    /// <summary>The profile for an element type.</summary>
    public static DeviceProfile Of(DataType precision) => new()
    {
        Name = "cuda",
        Precision = precision,
        PeakPrecision = DataType.BFloat16,
        PaddingElements = PaddingElements,
        LossChunkElements = LossChunkElements,
        SparseBlock = BlockSparseOps.BestBlock,
        DenseAboveDensity = grid => BlockSparseOps.IsSparse(precision, grid) ? 1 : 0,
        Supports = op => op switch
        {
            Attention attention => precision == DataType.BFloat16 && attention.Geometry.HeadDim is var width && width % 8 == 0 && width <= WidestHead,
            _ => true,
        },
    };
}
