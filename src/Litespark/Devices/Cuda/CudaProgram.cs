using System.Runtime.InteropServices;
using Litespark.Devices.Cuda.Driver;
using Litespark.Devices.Cuda.Launching;
using Litespark.Planning;

namespace Litespark.Devices.Cuda;

/// <summary>
/// A program in a GPU's memory: two arenas, and each plan's calls bound to addresses in them. A plan runs once call by call
/// (libraries set themselves up then) and is recorded at its second run; from then on it is one launch. Running only puts work
/// into the stream: the host waits when it reads a result.
/// </summary>
internal sealed class CudaProgram : ILoadedProgram
{
    const int RunsPerLaunch = 32;

    readonly Stack<IDisposable> owned = [];
    readonly ICudaDriver driver;
    readonly CudaStream stream;
    readonly PinnedRing ring;
    readonly DeviceMemory persistent, transient;
    readonly CudaBinding binding;
    readonly Dictionary<StepPlan, BoundPlan> plans = [];
    ICudaCall? repeatedCall;
    bool repeatedWhole;
    CudaGraph? repeatedGraph;

    public CudaProgram(StepProgram program, KernelLibrary kernels, CudaCallFactory factory)
    {
        Program = program;
        driver = kernels.Driver;
        stream = Own(new CudaStream(driver));
        try
        {
            ring = Own(new PinnedRing(driver, stream));
            persistent = Own(new DeviceMemory(driver, program.Layout.Bytes));
            transient = Own(new DeviceMemory(driver, program.TransientBytes));
            driver.Clear(persistent.Value, program.Layout.Bytes, stream.Value);
            binding = Own(new CudaBinding(kernels, persistent.Value, transient.Value) { Form = factory.Form, Scratch = factory.OwnKernelsOnly ? 0 : program.ScratchBytes });
            foreach ((PersistentTensor tensor, Action<Span<float>> contents) in program.Constants)
            {
                var values = new float[tensor.Type.Shape.Length];
                contents(values);
                Write<float>(tensor, 0, values);
            }

            Bind(factory);
            stream.Synchronize();
        }
        catch
        {
            Release(); // a kernel that does not compile, memory that is not there
            throw;
        }
    }

    /// <inheritdoc/>
    public StepProgram Program { get; }

    /// <inheritdoc/>
    public void Run(StepPlan plan)
    {
        BoundPlan bound = plans[plan];
        Recording recording = bound.RecordingFor(binding.Documents.RowsAreWhole);
        if (recording.Graph is null && recording.HasRun) recording.Graph = Record(bound);
        if (recording.Graph is not null) driver.LaunchGraph(recording.Graph.Value, stream.Value);
        else bound.Enqueue(stream.Value);
        recording.HasRun = true;
    }

    /// <inheritdoc/>
    public IReadOnlyList<string> Libraries => [.. plans.Values.SelectMany(plan => plan.Calls).Select(call => call.Library).OfType<string>().Distinct()];

    /// <inheritdoc/>
    public void Run(StepPlan plan, Span<double> seconds)
    {
        ICudaCall[] calls = plans[plan].Calls;
        bool isNew = plans[plan].Events.Length == 0;
        if (isNew) plans[plan].Events = [.. Enumerable.Range(0, calls.Length + 1).Select(_ => new CudaEvent(driver))];
        CudaEvent[] events = plans[plan].Events;
        driver.Record(events[0].Value, stream.Value);
        for (int i = 0; i < calls.Length; i++)
        {
            calls[i].Enqueue(stream.Value);
            driver.Record(events[i + 1].Value, stream.Value);
        }

        stream.Synchronize();
        for (int i = 0; i < calls.Length; i++) seconds[i] = driver.Milliseconds(events[i].Value, events[i + 1].Value) / 1e3;
    }

    /// <summary>Many runs are one launch, as in a step: else the host's launches would take longer than a short kernel.</summary>
    /// <inheritdoc/>
    public void Repeat(StepPlan plan, int call, int times)
    {
        ICudaCall wanted = plans[plan].Calls[call];
        bool isWhole = binding.Documents.RowsAreWhole;
        if (times >= RunsPerLaunch && (repeatedCall != wanted || repeatedWhole != isWhole))
        {
            wanted.Enqueue(stream.Value); // libraries set themselves up
            times--;
            stream.Synchronize();
            repeatedGraph?.Dispose();
            (repeatedGraph, repeatedCall) = (null, null);
            driver.BeginCapture(stream.Value);
            for (int i = 0; i < RunsPerLaunch; i++) wanted.Enqueue(stream.Value);
            (repeatedGraph, repeatedCall, repeatedWhole) = (new CudaGraph(driver, driver.EndCapture(stream.Value)), wanted, isWhole);
        }

        for (; times >= RunsPerLaunch; times -= RunsPerLaunch) driver.LaunchGraph(repeatedGraph!.Value, stream.Value);
        for (; times > 0; times--) wanted.Enqueue(stream.Value);
        stream.Synchronize();
    }

    /// <inheritdoc/>
    public void Finish() => stream.Synchronize();

    /// <inheritdoc/>
    public void Read<T>(PersistentTensor tensor, long firstElement, Span<T> destination) where T : unmanaged
        => ring.Read(Address<T>(tensor, firstElement, destination.Length), MemoryMarshal.AsBytes(destination));

    /// <inheritdoc/>
    public void Write<T>(PersistentTensor tensor, long firstElement, ReadOnlySpan<T> source) where T : unmanaged
    {
        ring.Write(Address<T>(tensor, firstElement, source.Length), MemoryMarshal.AsBytes(source));
        if (typeof(T) == typeof(int)) binding.Documents.Written(tensor.Offset + firstElement * sizeof(int), MemoryMarshal.Cast<T, int>(source));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (stream.IsClosed) return;
        stream.Synchronize();
        repeatedGraph?.Dispose();
        plans.Clear();
        Release();
    }

    T Own<T>(T part) where T : IDisposable
    {
        owned.Push(part);
        return part;
    }

    /// <summary>Gives back what there is by now, the latest first.</summary>
    void Release()
    {
        while (owned.TryPop(out IDisposable? part)) part.Dispose();
    }

    void Bind(CudaCallFactory factory)
    {
        try
        {
            foreach (StepPlan plan in Program.Plans.Values)
                plans[plan] = Own(new BoundPlan([.. plan.Calls.Select(call => Own(factory.Create(binding, call)))]));
        }
        finally
        {
            factory.EndBinding();
        }
    }

    CudaGraph Record(BoundPlan plan)
    {
        driver.BeginCapture(stream.Value);
        plan.Enqueue(stream.Value);
        return new CudaGraph(driver, driver.EndCapture(stream.Value));
    }

    unsafe nint Address<T>(PersistentTensor tensor, long firstElement, int count) where T : unmanaged
    {
        ObjectDisposedException.ThrowIf(persistent.IsClosed, this);
        if (firstElement < 0 || (firstElement + count) * sizeof(T) > tensor.Bytes)
            throw new ArgumentOutOfRangeException(nameof(firstElement), $"{tensor.Name}: elements {firstElement} … {firstElement + count} of {tensor.Type.Shape}");
        return persistent.Value + (nint)(tensor.Offset + firstElement * sizeof(T));
    }

    /// <summary>What a plan's calls become when they are recorded.</summary>
    sealed class Recording
    {
        public CudaGraph? Graph { get; set; }

        public bool HasRun { get; set; }
    }

    /// <summary>A plan's calls, which are not its own, and their recordings: two where calls are chosen by whether rows are whole documents.</summary>
    sealed class BoundPlan(ICudaCall[] calls) : IDisposable
    {
        readonly Recording usual = new(), whole = new();
        readonly bool hasChoice = calls.Any(call => call is DocumentChoice);

        public ICudaCall[] Calls { get; } = calls;

        public CudaEvent[] Events { get; set; } = [];

        public Recording RecordingFor(bool rowsAreWhole) => hasChoice && rowsAreWhole ? whole : usual;

        public void Enqueue(nint stream)
        {
            foreach (ICudaCall call in Calls) call.Enqueue(stream);
        }

        public void Dispose()
        {
            usual.Graph?.Dispose();
            whole.Graph?.Dispose();
            foreach (CudaEvent marker in Events) marker.Dispose();
        }
    }
}
