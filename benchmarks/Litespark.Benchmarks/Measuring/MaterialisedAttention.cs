using Litespark.Devices.Cpu;
using Litespark.Devices.Cpu.Kernels;
using Litespark.Graphs;
using Litespark.Graphs.Ops;

namespace Litespark.Benchmarks.Measuring;

/// <summary>
/// Causal attention as a stack on BLAS computes it: whole T × T matrices, products by OpenBLAS (which scales them), our mask and softmax between them.
/// Heads are dealt out to our threads, each product on one thread: faster here than one head after the other with all of
/// OpenBLAS's threads, since no thread is woken within an attention and small products need not be cut.
/// </summary>
internal sealed unsafe class MaterialisedAttention : IDisposable
{
    readonly WorkerPool pool;
    readonly OpenBlas blas;
    readonly AttentionGeometry g;
    readonly float scale;
    readonly BoundOp mask, softmaxGradient;
    readonly SoftmaxKernel softmax;
    readonly NativeBuffer results;
    readonly Heads scores, mix, gradients, inputGradients;

    /// <summary>Binds to operands: q, o, dO [N, H·K]; k, v [N, KV·K].</summary>
    public MaterialisedAttention(WorkerPool pool, OpenBlas blas, AttentionGeometry geometry, float scale, float* q, float* k, float* v, float* dO)
    {
        (this.pool, this.blas, g, this.scale) = (pool, blas, geometry, scale);
        var square = new TensorType(new Shape(g.Sequences, g.Heads, g.SequenceLength, g.SequenceLength));
        var starts = new TensorType(new Shape(g.Tokens), DataType.Int32);
        mask = BoundOp.Create(pool, new CausalMask(g, 0), inPlace: true, square, starts);
        var probabilities = new Matrix(mask.OutputAddress(0), square.Shape.Rows, square.Shape.Columns);
        softmax = new SoftmaxKernel(pool, probabilities, probabilities);
        softmaxGradient = BoundOp.Create(pool, new SoftmaxGradient(), inPlace: true, square, square);
        int wide = g.Heads * g.HeadDim, narrow = g.KeyValueHeads * g.HeadDim;
        results = new NativeBuffer((2L * wide + 2L * narrow) * g.Tokens * sizeof(float));
        float* o = results.Floats, dQ = o + (long)wide * g.Tokens, dK = dQ + (long)wide * g.Tokens, dV = dK + (long)narrow * g.Tokens;
        (O, DQ, DK, DV) = ((nint)o, (nint)dQ, (nint)dK, (nint)dV);

        float* s = probabilities.Data, p = softmaxGradient.InputAddress(1), dP = softmaxGradient.InputAddress(0), dS = softmaxGradient.OutputAddress(0);
        scores = new Heads(this, (row, h, kv, matrix) => Times(false, true, q + row * wide + h * g.HeadDim, wide, k + row * narrow + kv * g.HeadDim, narrow, s + matrix, first: true, scale));
        mix = new Heads(this, (row, h, kv, matrix) => Mix(s + matrix, false, v + row * narrow + kv * g.HeadDim, narrow, o + row * wide + h * g.HeadDim, wide, first: true, 1));
        gradients = new Heads(this, (row, h, kv, matrix) =>
        {
            bool first = h % Group == 0;
            Mix(p + matrix, true, dO + row * wide + h * g.HeadDim, wide, dV + row * narrow + kv * g.HeadDim, narrow, first, 1);
            Times(false, true, dO + row * wide + h * g.HeadDim, wide, v + row * narrow + kv * g.HeadDim, narrow, dP + matrix, first: true, 1);
        });
        inputGradients = new Heads(this, (row, h, kv, matrix) =>
        {
            bool first = h % Group == 0;
            Mix(dS + matrix, false, k + row * narrow + kv * g.HeadDim, narrow, dQ + row * wide + h * g.HeadDim, wide, first: true, scale);
            Mix(dS + matrix, true, q + row * wide + h * g.HeadDim, wide, dK + row * narrow + kv * g.HeadDim, narrow, first, scale);
        });
    }

    /// <summary>Addresses of the results: o and dQ [N, H·K], dK and dV [N, KV·K].</summary>
    public nint O { get; }

    /// <inheritdoc cref="O"/>
    public nint DQ { get; }

    /// <inheritdoc cref="O"/>
    public nint DK { get; }

    /// <inheritdoc cref="O"/>
    public nint DV { get; }

    int Group => g.Heads / g.KeyValueHeads;

    /// <summary>o = softmax(scale · q·kᵀ)·v.</summary>
    public void Forward()
    {
        scores.Run(pool);
        mask.Run();
        softmax.Run(pool);
        mix.Run(pool);
    }

    /// <summary>Keeps the probabilities of the last <see cref="Forward"/> for <see cref="Backward"/>, as a step does.</summary>
    public void Keep() => mask.Output(0).CopyTo(softmaxGradient.Input(1));

    /// <summary>dQ, dK, dV from dO and the kept probabilities.</summary>
    public void Backward()
    {
        gradients.Run(pool);
        softmaxGradient.Run();
        inputGradients.Run(pool);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        mask.Dispose();
        softmaxGradient.Dispose();
        results.Dispose();
    }

    /// <summary>[T, K]·[K, T].</summary>
    void Times(bool transposeA, bool transposeB, float* a, int lda, float* b, int ldb, float* c, bool first, float alpha)
        => blas.Multiply(transposeA, transposeB, g.SequenceLength, g.SequenceLength, g.HeadDim, alpha, a, lda, b, ldb, first ? 0 : 1, c, g.SequenceLength);

    /// <summary>[T, T]·[T, K].</summary>
    void Mix(float* a, bool transpose, float* b, int ldb, float* c, int ldc, bool first, float alpha)
        => blas.Multiply(transpose, false, g.SequenceLength, g.HeadDim, g.SequenceLength, alpha, a, g.SequenceLength, b, ldb, first ? 0 : 1, c, ldc);

    /// <summary>Work of one query head: first row of its sequence, its number, its key/value head's, offset of its T × T matrix.</summary>
    delegate void HeadWork(long row, int head, int keyValueHead, long matrix);

    /// <summary>A loop over key/value heads in parallel, the query heads of a group in order: they are summed.</summary>
    sealed class Heads(MaterialisedAttention owner, HeadWork work) : IParallelWork
    {
        public void Run(WorkerPool pool) => pool.Run(this, owner.g.Sequences * owner.g.KeyValueHeads);

        public void RunTask(int task, int worker)
        {
            owner.blas.UseThreads(1);
            AttentionGeometry g = owner.g;
            int kv = task % g.KeyValueHeads, sequence = task / g.KeyValueHeads;
            for (int member = 0; member < owner.Group; member++)
            {
                int head = kv * owner.Group + member;
                work((long)sequence * g.SequenceLength, head, kv, ((long)sequence * g.Heads + head) * g.SequenceLength * g.SequenceLength);
            }
        }
    }
}
