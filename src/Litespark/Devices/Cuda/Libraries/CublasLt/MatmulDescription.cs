namespace Litespark.Devices.Cuda.Libraries.CublasLt;

/// <summary>
/// A problem in cuBLASLt's terms. Its matrices are column-major: a row-major matrix is its own transpose there, so it is asked
/// for Cᵀ = op(B)ᵀ · op(A)ᵀ, with B in the place of A; the bias then runs along the rows, as cuBLASLt's does.
/// </summary>
internal sealed unsafe class MatmulDescription : IDisposable
{
    readonly LibCublasLt lt;
    readonly nint handle;
    readonly MatmulProblem problem;
    nint description, first, second, result;

    public MatmulDescription(LibCublasLt lt, nint handle, MatmulProblem problem)
    {
        (this.lt, this.handle, this.problem) = (lt, handle, problem);
        try
        {
            fixed (nint* created = &description) lt.Check(lt.DescCreate(created, LibCublasLt.ComputeFloat32, LibCublasLt.DataFloat32), "cublasLtMatmulDescCreate");
            if (problem.TransposeB) Set(LibCublasLt.TransposeA, LibCublasLt.Transpose);
            if (problem.TransposeA) Set(LibCublasLt.TransposeB, LibCublasLt.Transpose);
            if (problem.HasBias) Set(LibCublasLt.Epilogue, LibCublasLt.EpilogueBias);
            int operands = LibCublasLt.Data(problem.Operands);
            first = problem.TransposeB ? Layout(operands, problem.K, problem.N, problem.StrideB, problem.Batch.StrideB) : Layout(operands, problem.N, problem.K, problem.StrideB, problem.Batch.StrideB);
            second = problem.TransposeA ? Layout(operands, problem.M, problem.K, problem.StrideA, problem.Batch.StrideA) : Layout(operands, problem.K, problem.M, problem.StrideA, problem.Batch.StrideA);
            result = Layout(LibCublasLt.Data(problem.Output), problem.N, problem.M, problem.StrideC, problem.Batch.StrideC);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Algorithms that cuBLASLt expects to do well, best first: those that give the same bits each time and fit into the workspace. None where it has none.</summary>
    public List<Algorithm> Candidates(int count, long workspaceBytes)
    {
        nint created;
        lt.Check(lt.PreferenceCreate(&created), "cublasLtMatmulPreferenceCreate");
        nint preference = created;
        try
        {
            Prefer(LibCublasLt.MaxWorkspaceBytes, (ulong)workspaceBytes);
            Prefer(LibCublasLt.ReductionSchemeMask, (uint)(LibCublasLt.ReductionNone | LibCublasLt.ReductionComputeType));
            foreach (int matrix in (int[])[LibCublasLt.MinAlignmentA, LibCublasLt.MinAlignmentB, LibCublasLt.MinAlignmentC, LibCublasLt.MinAlignmentD]) Prefer(matrix, (uint)problem.Alignment);
            var results = new HeuristicResult[count];
            int returned;
            int status;
            fixed (HeuristicResult* start = results) status = lt.AlgoGetHeuristic(handle, description, first, second, result, result, preference, count, start, &returned);
            if (status == LibCublasLt.NotSupported) return [];
            lt.Check(status, "cublasLtMatmulAlgoGetHeuristic", problem.ToString());
            return [.. results.Take(returned).Where(candidate => candidate.State == 0 && (long)candidate.WorkspaceBytes <= workspaceBytes && IsDeterministic(candidate.Algorithm)).Select(candidate => candidate.Algorithm)];
        }
        finally
        {
            _ = lt.PreferenceDestroy(preference);
        }

        void Prefer<T>(int attribute, T value) where T : unmanaged => lt.Check(lt.PreferenceSetAttribute(preference, attribute, &value, (nuint)sizeof(T)), "cublasLtMatmulPreferenceSetAttribute");
    }

    /// <summary>Whether an algorithm that was kept still does for this problem.</summary>
    public bool Accepts(Algorithm algorithm, long workspaceBytes)
    {
        HeuristicResult checkedResult;
        return lt.AlgoCheck(handle, description, first, second, result, result, &algorithm, &checkedResult) == 0 && checkedResult.State == 0
            && (long)checkedResult.WorkspaceBytes <= workspaceBytes && IsDeterministic(algorithm);
    }

    /// <summary>Where the bias lies.</summary>
    public void SetBias(nint address) => Set(LibCublasLt.BiasPointer, address);

    /// <summary>Puts the product into a stream; returns cuBLASLt's status. <paramref name="scalars"/> are α and β.</summary>
    public int Run(float* scalars, nint a, nint b, nint c, Algorithm* algorithm, nint workspace, long workspaceBytes, nint stream)
        => lt.Matmul(handle, description, scalars, b, first, a, second, scalars + 1, c, result, c, result, algorithm, workspace, (nuint)workspaceBytes, stream);

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (nint layout in (ReadOnlySpan<nint>)[first, second, result])
            if (layout != 0) _ = lt.LayoutDestroy(layout);
        if (description != 0) _ = lt.DescDestroy(description);
        description = first = second = result = 0;
    }

    bool IsDeterministic(Algorithm algorithm)
    {
        uint scheme;
        nuint written;
        lt.Check(lt.AlgoConfigGetAttribute(&algorithm, LibCublasLt.ConfigReductionScheme, &scheme, sizeof(uint), &written), "cublasLtMatmulAlgoConfigGetAttribute");
        return scheme is LibCublasLt.ReductionNone or LibCublasLt.ReductionComputeType;
    }

    void Set<T>(int attribute, T value) where T : unmanaged => lt.Check(lt.DescSetAttribute(description, attribute, &value, (nuint)sizeof(T)), "cublasLtMatmulDescSetAttribute");

    nint Layout(int type, int rows, int columns, int stride, long next)
    {
        nint layout;
        lt.Check(lt.LayoutCreate(&layout, type, (ulong)rows, (ulong)columns, stride), "cublasLtMatrixLayoutCreate", problem.ToString());
        if (problem.Batch.Count == 1) return layout;
        int count = problem.Batch.Count;
        int status = lt.LayoutSetAttribute(layout, LibCublasLt.BatchCount, &count, sizeof(int));
        if (status == 0) status = lt.LayoutSetAttribute(layout, LibCublasLt.BatchStride, &next, sizeof(long));
        if (status == 0) return layout;
        _ = lt.LayoutDestroy(layout);
        lt.Check(status, "cublasLtMatrixLayoutSetAttribute", problem.ToString());
        return 0;
    }
}
