using Litespark.Devices.Cuda.Launching;
using Litespark.Devices.Cuda.Libraries.CublasLt;
using Litespark.Graphs;

namespace Litespark.Devices.Cuda.Ops;

/// <summary>
/// Products of many heads as cuBLASLt has them: in batches whose operands lie at even distances. Sequences, key heads, the query heads of
/// each, and the pieces of a sum are axes along which operands lie evenly; the longest of them is the batch, and there is a call for each
/// place along the others. Query heads that share a key head have it at a distance of zero.
/// </summary>
/// <param name="Problem">One call's batch.</param>
/// <param name="Calls">Where the operands of each call begin.</param>
internal sealed record HeadBatches(MatmulProblem Problem, IReadOnlyList<(nint A, nint B, nint C)> Calls)
{
    /// <summary>How many products lie along an axis, and elements from one to the next.</summary>
    readonly record struct Axis(int Count, long A, long B, long C)
    {
        /// <summary>Whether an inner axis ends where the next place along this one begins.</summary>
        public bool Continues(Axis inner) => (A, B, C) == (inner.Count * inner.A, inner.Count * inner.B, inner.Count * inner.C);
    }

    /// <summary>All products of a batch of ours, those of each piece of a sum by themselves.</summary>
    public static HeadBatches Of(Gemm product)
    {
        (GemmMatrix a, GemmMatrix b, GemmMatrix c) = (product.A, product.B, product.C);
        List<Axis> axes = Joined(
        [
            new(product.Sequences, a.Sequence, b.Sequence, c.Sequence), new(product.Heads / product.Group, product.Group * a.Head, b.Head, product.Group * c.Head),
            new(product.Group, a.Head, 0, c.Head), new(product.Segments, a.Segment, b.Segment, c.Segment),
        ]);
        Axis batch = axes.Count == 0 ? new(1, 0, 0, 0) : axes.MaxBy(axis => axis.Count);
        _ = axes.Remove(batch);
        IEnumerable<(nint A, nint B, nint C)> calls = [(a.Address, b.Address, c.Address)];
        foreach (Axis axis in axes)
            calls = calls.SelectMany(first => Enumerable.Range(0, axis.Count).Select(i => (Next(first.A, a, i * axis.A), Next(first.B, b, i * axis.B), Next(first.C, c, i * axis.C))));
        var problem = new MatmulProblem(product.M, product.N, product.K, product.TransposeA, product.TransposeB, (int)a.Stride, (int)b.Stride, (int)c.Stride, a.Type, c.Type, HasBias: false, product.Accumulate)
        {
            Batch = new MatmulBatch(batch.Count, batch.A, batch.B, batch.C),
        };
        return new HeadBatches(problem, [.. calls]);
    }

    /// <summary>
    /// What cuBLASLt is asked for: the products themselves, or, where a sum runs over several pieces, those of its pieces in one sequence, into fp32
    /// at an address. The other sequences are asked for alike.
    /// </summary>
    public static HeadBatches Asked(Gemm product, int sequence, nint partials)
    {
        if (product.Segments == 1) return Of(product);
        long part = (long)product.M * product.PartialStride;
        return Of(product with
        {
            A = product.A.At(sequence), B = product.B.At(sequence), C = new GemmMatrix(partials, DataType.Float32, product.PartialStride, Head: product.Segments * part, Segment: part),
            Sequences = 1, Alpha = 1, Accumulate = false,
        });
    }

    /// <summary>Binds products to cuBLASLt; null where it has no algorithm for them, or there is no room for the products of a sum's pieces.</summary>
    /// <param name="cublasLt">The library.</param>
    /// <param name="binding">Where the calls belong.</param>
    /// <param name="product">The products.</param>
    /// <param name="lack">Why there is no room; null where there is.</param>
    public static ICudaCall? Bind(CublasLtContext cublasLt, CudaBinding binding, Gemm product, out string? lack)
    {
        long scratch = CublasLtContext.WorkspaceBytes + (product.Segments > 1 ? product.Heads * PartsOfHead(product) : 0);
        lack = product.Segments == 1 || binding.HasRoom(scratch) ? null
            : $"own kernels: cuBLASLt would take {scratch / 1e9:0.00} GB of scratch memory, and {binding.Driver.FreeMemory() / 1e9:0.00} GB are free";
        if (lack is not null) return null;
        nint workspace = binding.Workspace(scratch);
        var calls = new List<ICudaCall>();
        bool isBound = false;
        try
        {
            isBound = product.Segments == 1
                ? Add(calls, cublasLt, workspace, Of(product), product.Alpha)
                : AddParts(calls, cublasLt, binding, workspace, product);
            return isBound ? new CallSequence([.. calls]) : null;
        }
        finally
        {
            if (!isBound)
                foreach (ICudaCall call in calls) call.Dispose();
        }
    }

    static bool Add(List<ICudaCall> calls, CublasLtContext cublasLt, nint workspace, HeadBatches asked, float alpha)
    {
        foreach ((nint a, nint b, nint c) in asked.Calls)
        {
            if (cublasLt.Bind(asked.Problem, workspace, a, b, c, alpha: alpha) is not { } call) return false;
            calls.Add(call);
        }

        return true;
    }

    /// <summary>Sequence by sequence: the products of the pieces, then for each head their sum.</summary>
    static bool AddParts(List<ICudaCall> calls, CublasLtContext cublasLt, CudaBinding binding, nint workspace, Gemm product)
    {
        long partsOfHead = PartsOfHead(product);
        nint partials = workspace + (nint)CublasLtContext.WorkspaceBytes;
        for (int sequence = 0; sequence < product.Sequences; sequence++)
        {
            if (!Add(calls, cublasLt, workspace, Asked(product, sequence, partials), alpha: 1)) return false;
            for (int head = 0; head < product.Heads; head++)
                calls.Add((product with { C = product.C.At(sequence, head) }).Sum(binding, product.Segments, partials + (nint)(head * partsOfHead)));
        }

        return true;
    }

    /// <summary>Bytes of the products of a head's pieces.</summary>
    static long PartsOfHead(Gemm product) => (long)product.Segments * product.M * product.PartialStride * sizeof(float);

    /// <summary>Without axes of one place, and neighbours that go on evenly as one.</summary>
    static List<Axis> Joined(ReadOnlySpan<Axis> axes)
    {
        var joined = new List<Axis>();
        foreach (Axis axis in axes)
        {
            if (axis.Count == 1) continue;
            if (joined.Count > 0 && joined[^1].Continues(axis)) joined[^1] = axis with { Count = joined[^1].Count * axis.Count };
            else joined.Add(axis);
        }

        return joined;
    }

    static nint Next(nint address, GemmMatrix matrix, long elements) => address + (nint)(elements * matrix.Type.Size());
}
