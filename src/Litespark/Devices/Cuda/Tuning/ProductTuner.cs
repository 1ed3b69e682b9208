using Litespark.Devices.Cuda.Driver;
using Litespark.Devices.Cuda.Launching;
using Litespark.Devices.Cuda.Libraries.CublasLt;
using Litespark.Devices.Cuda.Ops;
using Litespark.Planning;

namespace Litespark.Devices.Cuda.Tuning;

/// <summary>Times cuBLASLt's algorithms, where it is there, and our own kernel for a matrix product, or a batch of them.</summary>
internal sealed class ProductTuner(KernelLibrary kernels, CublasLtContext? cublasLt) : IDisposable
{
    readonly ICudaDriver driver = kernels.Driver;
    readonly MatmulMemory memory = new(kernels.Driver);

    /// <summary>Times a product; what plans use comes first: cuBLASLt's fastest algorithm, which is kept, or our kernel where it has none. None where the GPU has no room.</summary>
    public IReadOnlyList<TimedVariant> Measure(MatmulProblem problem)
    {
        using var binding = new CudaBinding(kernels, persistent: 0, transient: 0);
        var variants = new List<TimedVariant>();
        GemmCut cut = default;
        MatmulTiming? timing = cublasLt is null ? Alone(problem, Own) : cublasLt.Measure(problem, Own);
        if (timing is null) return [];
        variants.AddRange(timing.Algorithms.Select(item => new TimedVariant($"cuBLASLt {cublasLt!.Library.Describe(item.Algorithm)}", item.Milliseconds, IsOwn: false)));
        if (timing.Other[0] is { } own) variants.Add(new TimedVariant($"own {cut.Tile.M} x {cut.Tile.N}{(cut.Splits > 1 ? $" in {cut.Splits} parts" : "")}", own, IsOwn: true));
        return variants;

        IReadOnlyList<ICudaCall> Own(MatmulOperands operands)
        {
            Gemm gemm = Product(problem, operands);
            cut = gemm.Cut(driver.Properties);
            return [gemm.Bind(binding, cut)];
        }
    }

    /// <summary>Gives back the memory that timing took.</summary>
    public void Dispose()
    {
        memory.Dispose();
        cublasLt?.EndTuning();
    }

    MatmulTiming? Alone(MatmulProblem problem, Func<MatmulOperands, IReadOnlyList<ICudaCall>> own)
    {
        if (memory.Take(problem) is not { } operands) return null;
        using var timer = new TurnTimer(driver);
        return MatmulTuner.Time(timer, [], own(operands));
    }

    static Gemm Product(MatmulProblem problem, MatmulOperands operands)
        => new(problem.M, problem.N, problem.K, new GemmMatrix(operands.A, problem.Operands, problem.StrideA, Head: problem.Batch.StrideA), problem.TransposeA,
            new GemmMatrix(operands.B, problem.Operands, problem.StrideB, Head: problem.Batch.StrideB), problem.TransposeB, new GemmMatrix(operands.C, problem.Output, problem.StrideC, Head: problem.Batch.StrideC))
        {
            Heads = problem.Batch.Count,
            Bias = problem.HasBias ? new GemmMatrix(operands.Bias, problem.Output, problem.N) : default,
            Accumulate = problem.Accumulates,
        };
}
