using System.Text.Json.Nodes;
using Litespark.Graphs;
using Litespark.Graphs.Ops;

namespace Litespark.Planning;

/// <summary>What runs programs.</summary>
public interface IDevice : IDisposable
{
    /// <summary>Short name: <c>cpu</c>, <c>cuda</c>.</summary>
    string Name { get; }

    /// <summary>The processor's or the GPU's own name, for result pages.</summary>
    string HardwareName { get; }

    /// <summary>What it is and what it found here (name and value), for result pages.</summary>
    IReadOnlyList<(string Name, string Value)> Facts { get; }

    /// <summary>Threads of the host that compute.</summary>
    int Threads { get; }

    /// <summary>
    /// The GPUs that it computes on, by their places on the bus (<c>0000:41:00.0</c>) or their numbers in this process; none for a processor.
    /// Their energy is what counts.
    /// </summary>
    IReadOnlyList<string> Gpus => [];

    /// <summary>What plans may know of it.</summary>
    DeviceProfile Profile { get; }

    /// <summary>
    /// Algorithms that it chose by timing, by the problem that each solves: state of a run, saved with its checkpoints, since the next
    /// timing may choose others, which round otherwise. Null where it chooses none so.
    /// </summary>
    JsonObject? ChosenAlgorithms => null;

    /// <summary>Goes on with the algorithms of a run; to be called before its program is loaded.</summary>
    /// <param name="chosen">What <see cref="ChosenAlgorithms"/> was.</param>
    /// <param name="notice">Told, now or when a program is loaded, which of them do not hold here and are chosen anew.</param>
    /// <exception cref="InvalidDataException">It is something else.</exception>
    void UseAlgorithms(JsonObject chosen, Action<string> notice)
    {
    }

    /// <summary>Allocates a program's arenas and binds its kernels. Constants are written; all else is zero.</summary>
    ILoadedProgram Load(StepProgram program);

    /// <summary>What of the programs loaded so far a user may want to know, a line each: what was left to a slower kernel, and why.</summary>
    IReadOnlyList<string> Notices => [];

    /// <summary>Programs loaded until the result is disposed use the device's own kernels alone, for comparison; null where it has no others.</summary>
    IDisposable? OwnKernelsOnly() => null;

    /// <summary>Names of the device's kernels that compute an op over a block-sparse weight; one or none where there is no choice.</summary>
    IReadOnlyList<string> SparseKernels(BlockSparseOp op) => [];

    /// <summary>While the result lives, what is loaded computes ops over block-sparse weights by the kernel of that name, where it can. For comparison.</summary>
    IDisposable? UseSparseKernel(string name) => null;

    /// <summary>The peak in FLOP/s for forecasts: known, or measured; then the largest of all samples counts.</summary>
    double SamplePeakFlops();

    /// <summary>The peak in FLOP/s that utilisation is counted over; null where it is not known, and what can be measured falls short of it.</summary>
    /// <param name="precision">Element type that is computed in.</param>
    double? SamplePeakFlops(DataType precision) => SamplePeakFlops();

    /// <summary>Bytes free in a memory of its own; null where it computes in the machine's.</summary>
    long? FreeMemory => null;

    /// <summary>Measures the memory's bandwidth in bytes/s, read plus written, by a copy too large for the caches.</summary>
    double SampleBandwidth();
}

/// <summary>A program in a device's memory.</summary>
public interface ILoadedProgram : IDisposable
{
    /// <summary>The program.</summary>
    StepProgram Program { get; }

    /// <summary>Libraries that calls go to beside the device's own kernels, as calls stand after the last run.</summary>
    IReadOnlyList<string> Libraries => [];

    /// <summary>Runs one plan, or starts it on a device that runs on its own: reading a result then waits for it. Allocates no managed memory.</summary>
    void Run(StepPlan plan);

    /// <summary>Runs one plan and writes each call's seconds, in the order of its calls.</summary>
    void Run(StepPlan plan, Span<double> seconds);

    /// <summary>
    /// Runs one call of a plan so many times in a row, on whatever its operands hold, and returns when that is done. For
    /// measuring the call by itself: a call that adds to or overwrites its operands does so every time.
    /// </summary>
    void Repeat(StepPlan plan, int call, int times);

    /// <summary>Waits until all that was started is done.</summary>
    void Finish();

    /// <summary>Copies elements of a persistent tensor to the host.</summary>
    void Read<T>(PersistentTensor tensor, long firstElement, Span<T> destination) where T : unmanaged;

    /// <summary>Copies elements from the host into a persistent tensor.</summary>
    void Write<T>(PersistentTensor tensor, long firstElement, ReadOnlySpan<T> source) where T : unmanaged;
}
