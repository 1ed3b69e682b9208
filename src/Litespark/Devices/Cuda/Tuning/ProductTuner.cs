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

    /// <summary>
    /// Times a product; what plans use comes first: cuBLASLt's fastest algorithm, which is kept, or our kernel where it has none, as it is cut where
    /// nothing is timed. None where the GPU has no room.
    /// </summary>
    /// <param name="problem">The product.</param>
    /// <param name="leftOut">Which of our kernels of this GPU cannot compute it, and why; null where all can.</param>
    public IReadOnlyList<TimedVariant> Measure(MatmulProblem problem, out string? leftOut)
    {
        string? missing = null;
        leftOut = null;
        using var binding = new CudaBinding(kernels, persistent: 0, transient: 0);
        string[] names = [];
        MatmulTiming? timing = cublasLt is null ? Alone(problem, Own) : cublasLt.Measure(problem, Own);
        leftOut = missing;
        if (timing is null) return [];
        IEnumerable<TimedVariant> library = timing.Algorithms.Select(item => new TimedVariant($"cuBLASLt {cublasLt!.Library.Describe(item.Algorithm)}", item.Milliseconds, IsOwn: false));
        return [.. library, .. names.Zip(timing.Other).Where(pair => pair.Second is not null).Select(pair => new TimedVariant("own " + pair.First, pair.Second!.Value, IsOwn: true))];

        IReadOnlyList<ICudaCall> Own(MatmulOperands operands)
        {
            Gemm product = Product(problem, operands);
            if (HopperTile.RunsOn(driver) && HopperGemm.Obstacle(product) is { } obstacle) missing = $"wgmma: {obstacle}";
            (string Name, ICudaCall Call)[] own = [.. Variants(binding, product)];
            names = [.. own.Select(variant => variant.Name)];
            return [.. own.Select(variant => variant.Call)];
        }
    }

    static IEnumerable<(string Name, ICudaCall Call)> Variants(CudaBinding binding, Gemm gemm)
    {
        foreach (HopperCut hopper in HopperGemm.Cuts(binding, gemm)) yield return ($"{hopper.Tile}{Parts(hopper.Splits)}", HopperGemm.Bind(binding, gemm, hopper));
        GemmCut cut = gemm.Cut(binding.Gpu);
        yield return ($"{cut.Tile.M} x {cut.Tile.N}{Parts(cut.Splits)}", gemm.Bind(binding, cut));
    }

    static string Parts(int splits) => splits > 1 ? $" in {splits} parts" : "";

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
