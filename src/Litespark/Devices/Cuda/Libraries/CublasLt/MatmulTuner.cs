using Litespark.Devices.Cuda.Launching;

namespace Litespark.Devices.Cuda.Libraries.CublasLt;

/// <summary>An algorithm and its median time.</summary>
internal readonly record struct TimedAlgorithm(Algorithm Algorithm, float Milliseconds);

/// <summary>What timing found for a problem.</summary>
/// <param name="Algorithms">cuBLASLt's that run, the fastest first; none where it has none.</param>
/// <param name="Other">Median milliseconds of each of the kernels beside; null for one that does not run.</param>
internal sealed record MatmulTiming(IReadOnlyList<TimedAlgorithm> Algorithms, IReadOnlyList<float?> Other);

/// <summary>
/// Chooses the algorithm of a matrix product: the one that was chosen before, else the fastest of those that cuBLASLt proposes,
/// timed in turns on memory of its own.
/// </summary>
/// <param name="context">The library on its GPU.</param>
/// <param name="choices">What was chosen before.</param>
internal sealed unsafe class MatmulTuner(CublasLtContext context, MatmulChoices choices) : IDisposable
{
    const int Requested = 16;

    readonly MatmulMemory memory = new(context.Driver);

    /// <summary>The algorithm for a problem, or null where cuBLASLt has none.</summary>
    public Algorithm? Choose(MatmulProblem problem, MatmulDescription description)
    {
        if (choices.Find(Key(problem)) is { } known)
        {
            if (description.Accepts(known.Chosen, CublasLtContext.WorkspaceBytes)) return known.Chosen;
            context.Notice($"{problem}: cuBLASLt no longer takes the algorithm that was chosen for this matrix product; it is timed anew, and sums may be rounded otherwise");
        }

        List<Algorithm> candidates = description.Candidates(Requested, CublasLtContext.WorkspaceBytes);
        if (candidates.Count == 0) return null;
        if (memory.Take(problem) is { } operands) return Best(problem, Time(problem, candidates, operands, []).Algorithms);

        // No room to time them: the library's own order. It stays with the run, which has to go on with it, and not with the machine.
        choices.Use(Key(problem), new TimedChoice<Algorithm>(candidates[0], Milliseconds: 0, Candidates: 0));
        return candidates[0];
    }

    /// <summary>Times all of cuBLASLt's algorithms for a problem, whatever was chosen before, and other kernels in turns with them; the fastest algorithm is chosen from now on.</summary>
    /// <param name="problem">The problem.</param>
    /// <param name="others">Makes the other kernels over the operands that it is given; they are disposed.</param>
    /// <returns>Null where the GPU has no room for the operands.</returns>
    public MatmulTiming? Measure(MatmulProblem problem, Func<MatmulOperands, IReadOnlyList<ICudaCall>> others)
    {
        List<Algorithm> candidates = [];
        if (problem.IsSupported)
        {
            using MatmulDescription description = context.Describe(problem);
            candidates = description.Candidates(Requested, CublasLtContext.WorkspaceBytes);
        }

        context.Driver.MakeCurrent();
        if (memory.Take(problem) is not { } operands) return null;
        MatmulTiming timing = Time(problem, candidates, operands, others(operands));
        _ = Best(problem, timing.Algorithms);
        return timing;
    }

    /// <summary>Gives the memory back.</summary>
    public void ReleaseMemory() => memory.Release();

    /// <inheritdoc/>
    public void Dispose() => memory.Dispose();

    /// <summary>Times algorithms and other kernels in turns; the kernels are disposed.</summary>
    public static MatmulTiming Time(TurnTimer timer, IReadOnlyList<(Algorithm Algorithm, Func<nint, bool> Run)> algorithms, IReadOnlyList<ICudaCall> others)
    {
        try
        {
            float?[] times = timer.Time(
            [
                .. algorithms.Select(item => item.Run),
                .. others.Select(call => (Func<nint, bool>)(stream =>
                {
                    call.Enqueue(stream);
                    return true;
                })),
            ]);
            IEnumerable<TimedAlgorithm> timed = algorithms.Zip(times).Where(pair => pair.Second is not null).Select(pair => new TimedAlgorithm(pair.First.Algorithm, pair.Second!.Value));
            return new MatmulTiming([.. timed.OrderBy(item => item.Milliseconds)], times[algorithms.Count..]);
        }
        finally
        {
            foreach (ICudaCall call in others) call.Dispose();
        }
    }

    string Key(MatmulProblem problem) => $"{context.Machine}: {problem}";

    Algorithm? Best(MatmulProblem problem, IReadOnlyList<TimedAlgorithm> timed)
    {
        if (timed.Count == 0) return null;
        choices.Add(Key(problem), new TimedChoice<Algorithm>(timed[0].Algorithm, timed[0].Milliseconds, timed.Count));
        return timed[0].Algorithm;
    }

    MatmulTiming Time(MatmulProblem problem, List<Algorithm> candidates, MatmulOperands operands, IReadOnlyList<ICudaCall> others)
    {
        using MatmulDescription description = context.Describe(problem);
        if (problem.HasBias) description.SetBias(operands.Bias);
        using var timer = new TurnTimer(context.Driver);
        return Time(timer, [.. candidates.Select(candidate => (candidate, (Func<nint, bool>)(stream => Run(candidate, stream))))], others);

        bool Run(Algorithm algorithm, nint stream)
        {
            float* scalars = stackalloc float[] { 1, problem.Accumulates ? 1 : 0 };
            context.Driver.MakeCurrent();
            return description.Run(scalars, operands.A, operands.B, operands.C, &algorithm, operands.Workspace, CublasLtContext.WorkspaceBytes, stream) == 0;
        }
    }
}
