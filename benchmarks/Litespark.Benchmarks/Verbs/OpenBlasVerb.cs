using System.CommandLine;
using System.Text.Json.Nodes;
using Litespark.Benchmarks.Measuring;
using Litespark.Benchmarks.Reporting;

namespace Litespark.Benchmarks.Verbs;

/// <summary><c>openblas</c>: OpenBLAS alone on one thread, as one JSON line. The verbs that compare with it try its sets of kernels by it.</summary>
internal sealed class OpenBlasVerb : Command
{
    const int Size = 768, Runs = 40;

    public OpenBlasVerb() : base("openblas", "OpenBLAS alone, one thread: GFLOP/s and kernels as one JSON line; " + OpenBlasKernels.Variable + " names other kernels")
        => SetAction(options =>
        {
            OpenBlas blas = OpenBlas.Load() ?? throw new RunFailureException(OpenBlas.Missing);
            options.InvocationConfiguration.Output.WriteLine(new JsonObject { ["gflops"] = Figures.Raw(Best(blas) / 1e9), ["kernels"] = blas.Kernels }.ToJsonString());
            return 0;
        });

    /// <summary>FLOP/s of the fastest run: what kernels can do, whoever else is on the machine.</summary>
    static unsafe double Best(OpenBlas blas)
    {
        blas.UseThreads(1);
        using var buffer = new NativeBuffer(3L * Size * Size * sizeof(float));
        float* a = buffer.Floats, b = a + Size * Size, c = b + Size * Size;
        RandomNumbers.Fill(new Random(1), a, 2 * Size * Size);
        double seconds = Enumerable.Range(0, Runs).Min(_ => Contest.RunFor(() => blas.Multiply(false, true, Size, Size, Size, 1, a, Size, b, Size, 0, c, Size), TimeSpan.Zero));
        return 2.0 * Size * Size * Size / seconds;
    }
}
