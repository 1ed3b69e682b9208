using System.Diagnostics;
using Litespark.Planning;

namespace Litespark.Devices.Cpu;

/// <summary>A program in main memory: two arenas, and each plan's calls as kernels bound to pointers into them.</summary>
internal sealed unsafe class CpuProgram : ILoadedProgram
{
    readonly WorkerPool pool;
    readonly NativeBuffer persistent;
    readonly NativeBuffer transient;
    readonly Dictionary<StepPlan, CpuKernel[]> kernels = [];

    public CpuProgram(StepProgram program, WorkerPool pool)
    {
        Program = program;
        this.pool = pool;
        persistent = Allocate(program.Layout.Bytes);
        transient = Allocate(program.TransientBytes);
        foreach ((PersistentTensor tensor, Action<Span<float>> contents) in program.Constants)
            contents(new Span<float>((byte*)persistent.Pointer + tensor.Offset, checked((int)tensor.Type.Shape.Length)));
        var factory = new CpuKernelFactory(pool, (byte*)persistent.Pointer, (byte*)transient.Pointer);
        foreach (StepPlan plan in program.Plans.Values) kernels[plan] = [.. plan.Calls.Select(factory.Create)];
    }

    public StepProgram Program { get; }

    /// <summary>Bytes that were allocated for the arenas.</summary>
    public long ArenaBytes => persistent.ByteLength + transient.ByteLength;

    /// <summary>The transient arena: undefined between runs.</summary>
    public NativeBuffer Transient => transient;

    public void Run(StepPlan plan)
    {
        foreach (CpuKernel kernel in kernels[plan]) kernel.Run(pool);
    }

    public void Run(StepPlan plan, Span<double> seconds)
    {
        CpuKernel[] calls = kernels[plan];
        for (int i = 0; i < calls.Length; i++)
        {
            long start = Stopwatch.GetTimestamp();
            calls[i].Run(pool);
            seconds[i] = Stopwatch.GetElapsedTime(start).TotalSeconds;
        }
    }

    public void Repeat(StepPlan plan, int call, int times)
    {
        CpuKernel kernel = kernels[plan][call];
        for (int i = 0; i < times; i++) kernel.Run(pool);
    }

    public void Finish()
    {
        // Run returns when all is done.
    }

    public void Read<T>(PersistentTensor tensor, long firstElement, Span<T> destination) where T : unmanaged
        => new ReadOnlySpan<T>(Address<T>(tensor, firstElement, destination.Length), destination.Length).CopyTo(destination);

    public void Write<T>(PersistentTensor tensor, long firstElement, ReadOnlySpan<T> source) where T : unmanaged
        => source.CopyTo(new Span<T>(Address<T>(tensor, firstElement, source.Length), source.Length));

    public void Dispose()
    {
        foreach (CpuKernel kernel in kernels.Values.SelectMany(list => list)) kernel.Dispose();
        kernels.Clear();
        transient.Dispose();
        persistent.Dispose();
    }

    T* Address<T>(PersistentTensor tensor, long firstElement, int count) where T : unmanaged
    {
        ObjectDisposedException.ThrowIf(persistent.IsClosed, this);
        if (firstElement < 0 || (firstElement + count) * sizeof(T) > tensor.Bytes)
            throw new ArgumentOutOfRangeException(nameof(firstElement), $"{tensor.Name}: elements {firstElement} … {firstElement + count} of {tensor.Type.Shape}");
        return (T*)((byte*)persistent.Pointer + tensor.Offset) + firstElement;
    }

    /// <summary>Zeroed by all workers, so that on a machine with several memory nodes an arena spreads over them.</summary>
    NativeBuffer Allocate(long bytes)
    {
        try
        {
            var buffer = new NativeBuffer(bytes, zeroed: false);
            new ClearMemory(buffer).Run(pool);
            return buffer;
        }
        catch (OutOfMemoryException error)
        {
            throw new UserErrorException(
                $"The program needs {bytes / 1e9:0.0} GB in one piece, which this machine does not have free. "
                + "A smaller training.micro_batch_size or training.sequence_length, engine.recompute: full, or a smaller model would fit; `litespark plan` shows the table.", error);
        }
    }
}
