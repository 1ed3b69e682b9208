using Litespark.Devices.Cpu.Kernels;
using Litespark.Graphs;
using Litespark.Graphs.Ops;
using Litespark.Planning;

namespace Litespark.Devices.Cpu;

/// <summary>Binds each kernel call of a plan to the kernel that computes its op, with pointers into the two arenas.</summary>
internal sealed unsafe class CpuKernelFactory(WorkerPool pool, byte* persistent, byte* transient)
{
    public CpuKernel Create(KernelCall call)
    {
        Operand[] x = [.. call.Inputs], y = [.. call.Outputs];
        return call.Op switch
        {
            MatMul op => new GemmKernel(pool, M(x[0]), op.TransposeA, M(x[1]), op.TransposeB, M(y[0]), op.HasBias ? F(x[2]) : null, HasAddend(call, 0), op.Alpha),
            BlockSparseMatMul op => new BlockSparseGemmKernel(pool, M(x[0]), M(x[1]), op.TransposeWeight, op.Grid, I(x[2]), M(y[0]), op.HasBias ? F(x[3]) : null, HasAddend(call, 0)),
            // Dead blocks of a gradient that stays are zero from the start and from every change of topology on.
            BlockSparseWeightGradient op => new BlockSparseWeightGradientKernel(pool, M(x[0]), M(x[1]), op.Grid, I(x[2]), M(y[0]), HasAddend(call, 0), zeroDead: y[0].Arena == ArenaKind.Transient),
            BlockNorms op => new BlockNormsKernel(pool, M(x[0]), op.Grid, F(y[0])),
            ZeroDeadBlocks op => new ZeroDeadBlocksKernel(pool, M(x[0]), op.Grid, I(x[1])),
            FillDeadBlocks op => new FillDeadBlocksKernel(pool, M(x[0]), op.Grid, I(x[1]), F(x[2])),
            BlockSparseSumOfSquares op => new BlockSparseSumOfSquaresKernel(pool, F(x[0]), op.Grid, I(x[1]), F(y[0]), HasAddend(call, 0)),
            BlockSparseAdamW op => new BlockSparseAdamWKernel(pool, F(x[0]), F(x[1]), F(x[2]), F(x[3]), op.Grid, I(x[4]), new AdamWSettings(op.Beta1, op.Beta2, op.Epsilon, op.WeightDecay), F(x[5]), F(x[6])),
            ColumnSum => new ColumnSumKernel(pool, M(x[0]), F(y[0]), HasAddend(call, 0)),
            Embedding => new EmbeddingKernel(pool, I(x[0]), M(x[1]), M(y[0]), HasAddend(call, 0)),
            EmbeddingGradient => new EmbeddingGradientKernel(pool, I(x[0]), M(x[1]), M(y[0]), HasAddend(call, 0)),
            RmsNorm op => new RmsNormKernel(pool, M(x[0]), op.HasResidual ? M(x[2]) : default, F(x[1]), op.HasResidual ? M(y[2]) : default, M(y[0]), F(y[1]), op.Epsilon, op.GroupSize),
            RmsNormGradient op => new RmsNormGradientKernel(pool, M(x[0]), M(x[1]), F(x[2]), F(x[3]), Addend(call, 0), M(y[0]), F(y[1]), HasAddend(call, 1), op.GroupSize),
            LayerNorm op => new LayerNormKernel(pool, M(x[0]), op.HasResidual ? M(x[3]) : default, F(x[1]), F(x[2]), op.HasResidual ? M(y[3]) : default, M(y[0]), F(y[1]), F(y[2]), op.Epsilon),
            LayerNormGradient => CreateLayerNormGradient(call, x, y),
            Rope op => new RopeKernel(pool, M(x[0]), I(x[1]), F(x[2]), F(x[3]), M(y[0]), op.HeadDim, op.RotaryDim, op.Inverse),
            HeadProduct op => CreateHeadProduct(op, x, y),
            CausalMask op => new CausalMaskKernel(pool, Shape(op.Geometry, op.Window, 1, I(x[1]), op.HasPattern ? x[2] : null), F(x[0]), F(y[0])),
            Softmax => new SoftmaxKernel(pool, M(x[0]), M(y[0])),
            SoftmaxGradient => new SoftmaxGradientKernel(pool, M(x[1]), M(x[0]), M(y[0])),
            Attention op => AttentionKernels.Forward(Shape(op.Geometry, op.Window, op.Scale, I(x[3]), op.HasPattern ? x[4] : null), M(x[0]), M(x[1]), M(x[2]), M(y[0]), F(y[1]), pool, op.HasPattern ? F(y[2]) : null),
            AttentionGradient op => AttentionKernels.Gradient(Shape(op.Geometry, op.Window, op.Scale, I(x[5]), op.HasPattern ? x[7] : null), M(x[0]), M(x[1]), M(x[2]), M(x[3]), M(x[6]), F(x[4]), M(y[0]), M(y[1]), M(y[2]), pool),
            CachedAttention op => CreateCachedAttention(op, x, y),
            Activation op when Flat(x[0], y[0]) is var m => new ActivationKernel(pool, op.Kind, m[0], m[1]),
            ActivationGradient op when Flat(x[0], x[1], y[0]) is var m => new ActivationGradientKernel(pool, op.Kind, m[0], m[1], m[2]),
            GatedActivation op => new GatedActivationKernel(pool, op.Kind, Half(x[0], 0), Half(x[0], 1), M(y[0])),
            GatedActivationGradient op => new GatedActivationGradientKernel(pool, op.Kind, M(x[0]), Half(x[1], 0), Half(x[1], 1), Half(y[0], 0), Half(y[0], 1)),
            Add when Flat(x[0], x[1], y[0]) is var m => new BinaryKernel(pool, BinaryKind.Add, m[0], m[1], m[2]),
            Multiply when Flat(x[0], x[1], y[0]) is var m => new BinaryKernel(pool, BinaryKind.Multiply, m[0], m[1], m[2]),
            Scale op when Flat(x[0], y[0]) is var m => new ScaleKernel(pool, m[0], op.Factor, m[1]),
            Fill op => new FillKernel(pool, op.Content, Flat(y[0])[0]),
            Copy or Cast { To: DataType.Float32 } when Flat(x[0], y[0]) is var m => new CopyKernel(pool, m[0], m[1]),
            CrossEntropy => new CrossEntropyKernel(pool, M(x[0]), I(x[1]), F(y[0]), F(y[1])),
            CrossEntropyGradient => new CrossEntropyGradientKernel(pool, M(x[0]), I(x[1]), F(x[2]), F(x[3]), M(y[0])),
            CrossEntropyWithGradient => new CrossEntropyWithGradientKernel(pool, M(x[0]), I(x[1]), F(x[2]), F(y[0]), M(y[1])),
            Sum => new SumKernel(pool, F(x[0]), Count(x[0]), F(y[0])),
            SumOfSquares => new SumOfSquaresKernel(pool, F(x[0]), Count(x[0]), F(y[0]), HasAddend(call, 0)),
            ClipFactor op => new ClipFactorKernel(pool, F(x[0]), op.MaxNorm, F(y[0]), F(y[1])),
            AdamW op => new AdamWKernel(pool, F(x[0]), F(x[1]), F(x[2]), F(x[3]), Count(x[0]), new AdamWSettings(op.Beta1, op.Beta2, op.Epsilon, op.WeightDecay), F(x[4]), F(x[5])),
            Momentum op => new MomentumKernel(pool, F(x[0]), F(x[1]), Count(x[0]), op.Beta, op.Nesterov, F(x[2]), F(y[0])),
            Normalize op => new NormalizeKernel(pool, F(x[0]), Count(x[0]), op.Epsilon, F(y[0])),
            ScaledUpdate op => new ScaledUpdateKernel(pool, F(x[0]), F(x[1]), Count(x[0]), op.Factor, op.WeightDecay, F(x[2])),
            _ => throw new NotSupportedException($"the CPU has no kernel for {call.Op.Name}"),
        };
    }

    byte* Address(Operand operand) => (operand.Arena == ArenaKind.Persistent ? persistent : transient) + operand.Offset;

    /// <summary>The operand as a matrix.</summary>
    Matrix M(Operand operand) => new((float*)Address(operand), operand.Rows, operand.Columns, operand.Stride);

    /// <summary>The operands of an element-wise kernel.</summary>
    Matrix[] Flat(params Operand[] operands) => Matrix.Flatten(Array.ConvertAll(operands, M));

    /// <summary>The operand as contiguous floats.</summary>
    float* F(Operand operand)
        => operand.IsContiguous ? (float*)Address(operand) : throw new InvalidOperationException($"{operand.Value} must be contiguous here");

    /// <summary>The operand as integers.</summary>
    int* I(Operand operand) => (int*)F(operand);

    static long Count(Operand operand) => (long)operand.Rows * operand.Columns;

    /// <summary>Left or right half of the columns.</summary>
    Matrix Half(Operand operand, int half)
    {
        int width = operand.Columns / 2;
        return new Matrix((float*)Address(operand) + half * width, operand.Rows, width, operand.Stride);
    }

    static bool HasAddend(KernelCall call, int output) => call.Op.Addends.IndexOf(output) >= 0;

    Matrix Addend(KernelCall call, int output)
    {
        int index = call.Op.Addends.IndexOf(output);
        return index < 0 ? default : M(call.Inputs[call.Inputs.Count - call.Op.Addends.Count + index]);
    }

    AttentionShape Shape(AttentionGeometry g, int window, float scale, int* starts, Operand? pattern)
        => new(g.Sequences, g.SequenceLength, g.Heads, g.KeyValueHeads, g.HeadDim, scale, window, starts, pattern is null ? null : I(pattern));

    /// <summary>Both weight gradients share one flag in the kernel; where only one has an addend, the other starts from zero.</summary>
    CpuKernel CreateLayerNormGradient(KernelCall call, Operand[] x, Operand[] y)
    {
        bool addWeight = HasAddend(call, 1), addBias = HasAddend(call, 2);
        var kernel = new LayerNormGradientKernel(pool, M(x[0]), M(x[1]), F(x[2]), F(x[3]), F(x[4]), Addend(call, 0), M(y[0]), F(y[1]), F(y[2]), addWeight || addBias);
        return addWeight == addBias ? kernel : new KernelSequence(new FillKernel(pool, 0, M(addWeight ? y[2] : y[1])), kernel);
    }

    BatchedGemmKernel CreateHeadProduct(HeadProduct op, Operand[] x, Operand[] y)
    {
        AttentionGeometry g = op.Geometry;
        int group = g.Heads / g.KeyValueHeads;
        MatrixBatch Rows(Operand operand, int heads)
        {
            Matrix whole = M(operand);
            var first = new Matrix(whole.Data, g.SequenceLength, g.HeadDim, whole.Stride);
            long sequence = (long)g.SequenceLength * whole.Stride;
            return heads == g.Heads && operand.Columns == g.Heads * g.HeadDim ? new(first, sequence, (long)group * g.HeadDim, g.HeadDim) : new(first, sequence, g.HeadDim, 0);
        }

        MatrixBatch Scores(Operand operand)
        {
            long matrix = (long)g.SequenceLength * g.SequenceLength;
            return new(new Matrix(F(operand), g.SequenceLength, g.SequenceLength), g.Heads * matrix, group * matrix, matrix);
        }

        (int i, int j, int k) = (g.Sequences, g.KeyValueHeads, group);
        return op.Kind switch
        {
            HeadProductKind.Scores => new BatchedGemmKernel(pool, i, j, k, Rows(x[0], g.Heads), false, Rows(x[1], g.KeyValueHeads), true, Scores(y[0]), op.Scale),
            HeadProductKind.Mix => new BatchedGemmKernel(pool, i, j, k, Scores(x[0]), false, Rows(x[1], g.KeyValueHeads), false, Rows(y[0], g.Heads), op.Scale),
            _ => new BatchedGemmKernel(pool, i, j, k, Scores(x[0]), true, Rows(x[1], g.Heads), false, Rows(y[0], g.KeyValueHeads), op.Scale, accumulate: false, reduceK: true),
        };
    }

    KernelSequence CreateCachedAttention(CachedAttention op, Operand[] x, Operand[] y)
    {
        var shape = new AttentionShape(1, x[0].Rows, op.Heads, op.KeyValueHeads, op.HeadDim, op.Scale, op.Window);
        return new KernelSequence(
            new CacheAppendKernel(M(x[1]), M(x[2]), M(x[4]), M(x[5]), I(x[3])),
            AttentionKernels.Cached(shape, M(x[0]), M(x[4]), M(x[5]), I(x[3]), M(y[0]), pool));
    }
}

/// <summary>Kernels that make up one call, in order.</summary>
internal sealed class KernelSequence(params CpuKernel[] kernels) : CpuKernel
{
    public override void Run(WorkerPool pool)
    {
        foreach (CpuKernel kernel in kernels) kernel.Run(pool);
    }

    public override void Dispose()
    {
        foreach (CpuKernel kernel in kernels) kernel.Dispose();
        base.Dispose();
    }
}
