using Litespark.Devices.Cuda.Driver;
using Litespark.Graphs;

namespace Litespark.Devices.Cuda.Libraries.CublasLt;

/// <summary>
/// Chooses the algorithm of a matrix product: the one that was chosen before, else the fastest of those that cuBLASLt proposes,
/// timed in turns on memory of its own with values as they occur in training (a GPU is faster on zeros).
/// </summary>
/// <param name="context">The library on its GPU.</param>
/// <param name="choices">What was chosen before.</param>
/// <param name="machine">GPU and version of the library, for which a choice holds.</param>
internal sealed unsafe class MatmulTuner(CublasLtContext context, MatmulChoices choices, string machine) : IDisposable
{
    const int Requested = 16, Rounds = 5, MostRepetitions = 20;
    const float SampleMilliseconds = 0.3f; // far above an event's resolution of half a microsecond
    const int PatternBytes = 1 << 20;

    readonly ICudaDriver driver = context.Driver;
    DeviceMemory? memory;

    /// <summary>The algorithm for a problem, or null where cuBLASLt has none.</summary>
    public Algorithm? Choose(MatmulProblem problem, MatmulDescription description)
    {
        string key = $"{machine}: {problem}";
        if (choices.Find(key) is { } known && description.Accepts(known.Algorithm, CublasLtContext.WorkspaceBytes)) return known.Algorithm;
        List<Algorithm> candidates = description.Candidates(Requested, CublasLtContext.WorkspaceBytes);
        if (candidates.Count == 0) return null;
        if (!TakeMemory(problem)) return candidates[0]; // no room to time them: the library's own order, not kept
        if (Fastest(problem, candidates) is not { } best) return null;
        choices.Add(key, best);
        return best.Algorithm;
    }

    /// <summary>Gives the memory back.</summary>
    public void ReleaseMemory()
    {
        memory?.Dispose();
        memory = null;
    }

    /// <inheritdoc/>
    public void Dispose() => ReleaseMemory();

    MatmulChoice? Fastest(MatmulProblem problem, List<Algorithm> candidates)
    {
        using MatmulDescription description = context.Describe(problem);
        using var stream = new CudaStream(driver);
        using CudaEvent start = new(driver), end = new(driver);
        long a = 0, b = Aligned(a + problem.LengthA * problem.Operands.Size()), c = Aligned(b + problem.LengthB * problem.Operands.Size()), bias = Aligned(c + problem.LengthC * problem.Output.Size());
        Fill(a, c, problem.Operands, stream);
        Fill(c, Bytes(problem), problem.Output, stream);
        if (problem.HasBias) description.SetBias(memory!.Value + (nint)bias);

        var runnable = new List<(Algorithm Algorithm, int Repetitions, float[] Samples)>();
        foreach (Algorithm candidate in candidates)
        {
            _ = Time(candidate, 1); // the first run loads the kernel
            if (Time(candidate, 1) is { } once) runnable.Add((candidate, Math.Clamp((int)(SampleMilliseconds / Math.Max(once, 1e-3f)), 1, MostRepetitions), new float[Rounds]));
        }

        for (int round = 0; round < Rounds; round++)
            foreach ((Algorithm algorithm, int repetitions, float[] samples) in runnable) samples[round] = (Time(algorithm, repetitions) ?? float.PositiveInfinity) / repetitions;
        if (runnable.Count == 0) return null;
        (Algorithm Algorithm, float Milliseconds) fastest = runnable.Select(item => (item.Algorithm, item.Samples.Order().ElementAt(Rounds / 2))).MinBy(item => item.Item2);
        return new MatmulChoice(fastest.Algorithm, fastest.Milliseconds, runnable.Count);

        float? Time(Algorithm algorithm, int repetitions)
        {
            float* scalars = stackalloc float[] { 1, problem.Accumulates ? 1 : 0 };
            driver.Record(start.Value, stream.Value);
            for (int i = 0; i < repetitions; i++)
            {
                driver.MakeCurrent();
                nint first = memory!.Value;
                if (description.Run(scalars, first + (nint)a, first + (nint)b, first + (nint)c, &algorithm, context.Workspace, CublasLtContext.WorkspaceBytes, stream.Value) != 0) return null;
            }

            driver.Record(end.Value, stream.Value);
            stream.Synchronize();
            return driver.Milliseconds(start.Value, end.Value);
        }
    }

    /// <summary>Normally distributed values, a megabyte of them again and again.</summary>
    void Fill(long from, long to, DataType type, CudaStream stream)
    {
        using var pattern = new PinnedMemory(driver, PatternBytes);
        var random = new Random(1);
        for (int i = 0; i < PatternBytes / type.Size(); i++)
        {
            float value = (float)(Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble()));
            if (type == DataType.Float32) ((float*)pattern.Value)[i] = value;
            else ((ushort*)pattern.Value)[i] = (ushort)(BitConverter.SingleToUInt32Bits(value) >> 16);
        }

        for (long at = from; at < to; at += PatternBytes) driver.CopyToDevice(memory!.Value + (nint)at, pattern.Value, Math.Min(PatternBytes, to - at), stream.Value);
        stream.Synchronize();
    }

    bool TakeMemory(MatmulProblem problem)
    {
        long bytes = Bytes(problem);
        if (memory?.ByteLength >= bytes) return true;
        ReleaseMemory();
        if (driver.FreeMemory() < bytes + (256L << 20)) return false;
        memory = new DeviceMemory(driver, bytes);
        return true;
    }

    static long Bytes(MatmulProblem problem)
        => Aligned(problem.LengthA * problem.Operands.Size()) + Aligned(problem.LengthB * problem.Operands.Size()) + Aligned(problem.LengthC * problem.Output.Size()) + Aligned((long)problem.N * problem.Output.Size());

    static long Aligned(long bytes) => (bytes + 255) / 256 * 256;
}
