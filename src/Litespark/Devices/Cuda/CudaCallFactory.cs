using Litespark.Devices.Cuda.Launching;
using Litespark.Devices.Cuda.Libraries.CublasLt;
using Litespark.Devices.Cuda.Libraries.Cudnn;
using Litespark.Devices.Cuda.Ops;
using Litespark.Graphs.Ops;
using Litespark.Planning;

namespace Litespark.Devices.Cuda;

/// <summary>Binds each call of a plan to the kernels that compute its op.</summary>
/// <param name="cublasLt">Multiplies matrices where it is there and has an algorithm; else our own kernels do.</param>
/// <param name="attention">Says where cuDNN computes attention without patterns, while every row is one document; else our own kernels do.</param>
internal sealed class CudaCallFactory(CublasLtContext? cublasLt, AttentionChooser attention)
{
    readonly OrderedDictionary<string, string> notes = [];

    /// <summary>Which products our own kernels had to do for lack of memory; one line each.</summary>
    public IReadOnlyList<string> Notes => [.. notes.Select(note => $"{note.Key}: {note.Value}")];

    /// <summary>No library is used for what is bound from now on: for comparison.</summary>
    public bool OwnKernelsOnly { get; set; }

    /// <summary>What multiplies over live blocks, where it can; null: what suits.</summary>
    public SparseKernel? SparseKernel { get; set; } = SparseKernel.Find(Environment.GetEnvironmentVariable(SparseKernel.Variable));

    /// <summary>How memory-bound kernels of what is bound from now on share out their work: for comparison.</summary>
    public MemoryForm Form { get; set; } = MemoryForm.Usual;

    /// <summary>Binds a call.</summary>
    public ICudaCall Create(CudaBinding binding, KernelCall call) => call.Op switch
    {
        MatMul op => Product(binding, call, op),
        BlockSparseMatMul op => BlockSparseOps.Product(binding, call, op, Product, SparseKernel),
        BlockSparseWeightGradient op => BlockSparseOps.WeightGradient(binding, call, op, Product, SparseKernel),
        BlockNorms op => BlockSparseOps.Norms(binding, call, op),
        ZeroDeadBlocks op => BlockSparseOps.ZeroDead(binding, call, op),
        FillDeadBlocks op => BlockSparseOps.FillDead(binding, call, op),
        BlockSparseSumOfSquares op => BlockSparseOps.SumOfSquares(binding, call, op),
        BlockSparseAdamW op => BlockSparseOps.AdamW(binding, call, op),
        HeadProduct op => OfHeads(binding, op, MatMulOps.Product(binding, call, op)),
        ColumnSum => ColumnSumOps.ColumnSum(binding, call),
        Embedding => EmbeddingOps.Embedding(binding, call),
        EmbeddingGradient => EmbeddingOps.EmbeddingGradient(binding, call),
        RmsNorm op => NormOps.RmsNorm(binding, call, op),
        RmsNormGradient op => NormOps.RmsNormGradient(binding, call, op),
        LayerNorm op => NormOps.LayerNorm(binding, call, op),
        LayerNormGradient => NormOps.LayerNormGradient(binding, call),
        Rope op => RopeOps.Rope(binding, call, op),
        CausalMask op => SoftmaxOps.CausalMask(binding, call, op),
        Softmax => SoftmaxOps.Softmax(binding, call),
        SoftmaxGradient => SoftmaxOps.SoftmaxGradient(binding, call),
        Attention { HasPattern: true } op => AttentionOps.Attention(binding, call, op),
        AttentionGradient { HasPattern: true } op => AttentionOps.AttentionGradient(binding, call, op),
        Attention op => OfDocuments(binding, AttentionCall.Of(call, op), AttentionOps.Attention(binding, call, op)),
        AttentionGradient op => OfDocuments(binding, AttentionCall.Of(call, op), AttentionOps.AttentionGradient(binding, call, op)),
        CachedAttention op => AttentionOps.CachedAttention(binding, call, op),
        Activation op => ActivationOps.Activation(binding, call, op),
        ActivationGradient op => ActivationOps.ActivationGradient(binding, call, op),
        GatedActivation op => ActivationOps.GatedActivation(binding, call, op),
        GatedActivationGradient op => ActivationOps.GatedActivationGradient(binding, call, op),
        Add => ElementwiseOps.Add(binding, call),
        Multiply => ElementwiseOps.Multiply(binding, call),
        Scale op => ElementwiseOps.Scale(binding, call, op),
        Fill op => ElementwiseOps.Fill(binding, call, op),
        Copy => ElementwiseOps.Copy(binding, call),
        Cast => ElementwiseOps.Cast(binding, call),
        CrossEntropy => LossOps.CrossEntropy(binding, call),
        CrossEntropyGradient => LossOps.CrossEntropyGradient(binding, call),
        CrossEntropyWithGradient => LossOps.CrossEntropyWithGradient(binding, call),
        Sum => ReductionOps.Sum(binding, call),
        SumOfSquares => ReductionOps.SumOfSquares(binding, call),
        ClipFactor op => ReductionOps.ClipFactor(binding, call, op),
        Normalize op => ReductionOps.Normalize(binding, call, op),
        AdamW op => OptimizerOps.AdamW(binding, call, op),
        Momentum op => OptimizerOps.Momentum(binding, call, op),
        ScaledUpdate op => OptimizerOps.ScaledUpdate(binding, call, op),
        _ => throw new NotSupportedException($"CUDA has no kernel for {call.Op.Name}"),
    };

    /// <summary>Gives back what binding took besides: memory on which algorithms were timed.</summary>
    public void EndBinding() => cublasLt?.EndTuning();

    /// <summary>A product in cuBLASLt's terms.</summary>
    public static MatmulProblem Problem(KernelCall call, MatMul op)
    {
        (Operand a, Operand b, Operand c) = (call.Inputs[0], call.Inputs[1], call.Outputs[0]);
        return new MatmulProblem(c.Rows, c.Columns, op.TransposeA ? a.Rows : a.Columns, op.TransposeA, op.TransposeB, a.Stride, b.Stride, c.Stride,
            a.Type(), c.Type(), op.HasBias, call.Accumulates(0) != 0);
    }

    ICudaCall OfHeads(CudaBinding binding, HeadProduct op, Gemm product)
    {
        if (cublasLt is null || OwnKernelsOnly) return product.Bind(binding);
        if (product.Segments > 1) EndBinding(); // what other products were timed on must not count as taken
        ICudaCall? bound = HeadBatches.Bind(cublasLt, binding, product, out string? lack);
        AttentionGeometry g = op.Geometry;
        if (lack is not null) notes[$"{op.Name} of {g.Sequences} x {g.SequenceLength} tokens, {g.Heads}/{g.KeyValueHeads} heads of {g.HeadDim}"] = lack;
        return bound ?? product.Bind(binding);
    }

    /// <summary>cuDNN's call while every row is one document, where it has one; our own else.</summary>
    ICudaCall OfDocuments(CudaBinding binding, AttentionCall call, ICudaCall own)
    {
        if (OwnKernelsOnly || !binding.Documents.Watch(call.DocumentStarts)) return own;
        EndBinding(); // memory on which products were timed must not count as taken: cuDNN's scratch would have no room at first, and have it on resume
        return attention.Bind(binding, call) is { } whole ? new DocumentChoice(binding.Documents, whole, own) : own;
    }

    ICudaCall Product(CudaBinding binding, KernelCall call, MatMul op)
    {
        if (cublasLt is null || OwnKernelsOnly) return MatMulOps.MatMul(binding, call, op);
        nint bias = op.HasBias ? binding.Address(call.Inputs[2].Contiguous()) : 0;
        return (ICudaCall?)cublasLt.Bind(Problem(call, op), binding.Workspace(CublasLtContext.WorkspaceBytes),
            binding.Address(call.Inputs[0]), binding.Address(call.Inputs[1]), binding.Address(call.Outputs[0]), bias, op.Alpha) ?? MatMulOps.MatMul(binding, call, op);
    }
}
