using Litespark.Devices.Cuda.Compilation;
using Litespark.Devices.Cuda.Driver;
using Litespark.Devices.Cuda.Launching;
using Litespark.Graphs;

namespace Litespark.Devices.Cuda.Ops;

/// <summary>An operand of a product or of a batch of them: the first product's matrix and the distances to the others', in elements.</summary>
/// <param name="Address">First element.</param>
/// <param name="Type">Element type.</param>
/// <param name="Stride">From row to row.</param>
/// <param name="Sequence">From sequence to sequence.</param>
/// <param name="Head">From head to head.</param>
/// <param name="Segment">From one piece of the sums to the next.</param>
internal readonly record struct GemmMatrix(nint Address, DataType Type, long Stride, long Sequence = 0, long Head = 0, long Segment = 0)
{
    const int AccessBytes = 16;

    /// <summary>The matrices from a product on.</summary>
    public GemmMatrix At(int sequence, int head = 0) => this with { Address = Address + (nint)((sequence * Sequence + head * Head) * Type.Size()) };

    /// <summary>Whether `count` elements at a time can be read in one access, wherever a row or a matrix begins.</summary>
    public bool IsAligned(int count) => Address % (count * Type.Size()) == 0 && Stride % count == 0 && Sequence % count == 0 && Head % count == 0 && Segment % count == 0;

    /// <summary>Whether 16-byte accesses are possible.</summary>
    public bool IsAligned() => IsAligned(AccessBytes / Type.Size());
}

/// <summary>
/// C[M, N] = alpha · op(A)[M, K] · op(B)[K, N] (+ bias[N]) (+ C) with kernels of our own: on tensor cores where A and B are bf16, else
/// without. One product, or one per sequence and head: then `Group` heads share one B, and a sum may run over `Segments` pieces of
/// length K.
/// </summary>
internal sealed record Gemm(int M, int N, int K, GemmMatrix A, bool TransposeA, GemmMatrix B, bool TransposeB, GemmMatrix C)
{
    const int SumThreads = 256, SumBlocksPerMultiprocessor = 8, PlainPitch = 68, Vector = 4;

    /// <summary>Factor of the product.</summary>
    public float Alpha { get; init; } = 1;

    /// <summary>A vector [N] that is added to every row, or none (address 0).</summary>
    public GemmMatrix Bias { get; init; }

    /// <summary>Whether C is added to.</summary>
    public bool Accumulate { get; init; }

    /// <summary>Sequences of the batch.</summary>
    public int Sequences { get; init; } = 1;

    /// <summary>Heads of each sequence.</summary>
    public int Heads { get; init; } = 1;

    /// <summary>Heads that share one B.</summary>
    public int Group { get; init; } = 1;

    /// <summary>Pieces of each sum.</summary>
    public int Segments { get; init; } = 1;

    bool OnTensorCores => A.Type == DataType.BFloat16 && B.Type == DataType.BFloat16;

    bool HasVectors => C.IsAligned(Vector);

    string[] ResultDefines => [$"OUTPUT={Name(C.Type)}", $"BIAS={Name(Bias.Type)}", Define("TRANSPOSE_A", TransposeA), Define("TRANSPOSE_B", TransposeB)];

    /// <summary>Binds the kernels, cut as suits the shape and the GPU: Hopper's where they can.</summary>
    public ICudaCall Bind(CudaBinding binding) => HopperGemm.Suits(binding.Driver, this)
        ? HopperGemm.Bind(binding, this, HopperCut.Choose(HopperTile.Dense, M, N, K, binding.Gpu.Multiprocessors))
        : Bind(binding, Cut(binding.Gpu));

    /// <summary>The cut that suits the shape and a GPU.</summary>
    public GemmCut Cut(GpuProperties gpu) => GemmCut.Choose(OnTensorCores ? GemmTile.TensorCore : [GemmTile.Plain], M, N, K * Segments, (long)Sequences * Heads, gpu);

    /// <summary>Binds the kernels for a certain cut.</summary>
    public ICudaCall Bind(CudaBinding binding, GemmCut cut)
    {
        if (cut.Splits == 1) return Product(binding, cut, partials: 0);
        nint partials = binding.Workspace((long)cut.Splits * M * PartialStride * sizeof(float));
        return new CallSequence(Product(binding, cut, partials), Sum(binding, cut.Splits, partials));
    }

    KernelLaunch Product(CudaBinding binding, GemmCut cut, nint partials)
    {
        (KernelVariant variant, int threads, int sharedBytes) = OnTensorCores
            ? (new KernelVariant("gemm", [.. ResultDefines, .. cut.Tile.Defines, Define("ALIGNED_A", A.IsAligned()), Define("ALIGNED_B", B.IsAligned())]), cut.Tile.Threads, cut.Tile.SharedBytes)
            : (new KernelVariant("gemm_plain", [.. ResultDefines, $"ELEMENT_A={Name(A.Type)}", $"ELEMENT_B={Name(B.Type)}"]), cut.Tile.Threads, 2 * cut.Tile.K * PlainPitch * sizeof(float));
        int blocks = checked((int)(cut.Tile.Blocks(M, N) * Sequences * Heads));
        return binding.Launch(variant, variant.File, new LaunchShape(blocks, threads, sharedBytes, cut.Splits),
            A.Address, B.Address, C.Address, Bias.Address, partials, M, N, K, A.Stride, B.Stride, C.Stride, Alpha, Accumulate ? 1 : 0, HasVectors ? 1 : 0,
            Heads, Group, A.Sequence, A.Head, B.Sequence, B.Head, C.Sequence, C.Head, Segments, A.Segment, B.Segment);
    }

    /// <summary>Elements from row to row of partial sums.</summary>
    public int PartialStride => PartialColumns(N);

    /// <summary>The same for a number of columns.</summary>
    public static int PartialColumns(int n) => (n + Vector - 1) / Vector * Vector;

    /// <summary>C of one product from parts of its sums: fp32 [parts, M, <see cref="PartialStride"/>], added in their order.</summary>
    public KernelLaunch Sum(CudaBinding binding, int parts, nint partials)
    {
        long threads = (long)M * PartialStride / Vector;
        int blocks = (int)Math.Clamp((threads + SumThreads - 1) / SumThreads, 1, binding.Gpu.Multiprocessors * SumBlocksPerMultiprocessor);
        return binding.Launch(new KernelVariant("gemm_sum", ResultDefines[..2]), "gemm_sum", new LaunchShape(blocks, SumThreads),
            partials, C.Address, Bias.Address, M, N, C.Stride, Alpha, Accumulate ? 1 : 0, HasVectors ? 1 : 0, parts);
    }

    static string Name(DataType type) => type == DataType.BFloat16 ? "bf16" : "float";

    static string Define(string name, bool value) => $"{name}={(value ? 1 : 0)}";
}
