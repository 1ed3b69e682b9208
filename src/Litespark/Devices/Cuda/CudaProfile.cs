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
    /// <param name="precision">What is computed in.</param>
    /// <param name="hasCublasLt">Whether cuBLASLt multiplies, which takes scratch memory; so it is assumed of a GPU that is not at hand.</param>
    public static DeviceProfile Of(DataType precision, bool hasCublasLt = true) => new()
    {
        Name = "cuda",
        Precision = precision,
        PeakPrecision = DataType.BFloat16,
        PaddingElements = PaddingElements,
        LossChunkElements = LossChunkElements,
        SparseBlock = BlockSparseOps.BestBlock,
        DenseAboveDensity = grid => BlockSparseOps.IsSparse(precision, grid) ? 1 : 0,
        ScratchBytes = hasCublasLt ? LibraryScratch.Of : _ => 0,
        Supports = op => op switch
        {
            Attention attention => precision == DataType.BFloat16 && attention.Geometry.HeadDim is var width && width % 8 == 0 && width <= WidestHead,
            _ => true,
        },
    };
}
