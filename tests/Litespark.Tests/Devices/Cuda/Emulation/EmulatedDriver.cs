using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text;
using Litespark.Devices.Cuda.Driver;

namespace Litespark.Tests.Devices.Cuda.Emulation;

/// <summary>
/// A driver whose GPU is the processor: runs what <see cref="EmulatedCompiler"/> made. It is strict where a GPU would go wrong
/// silently or now and then: memory starts as not-a-numbers, a stream's work runs only when someone waits for it, addresses and
/// sizes are checked, and whatever a kernel or a release does wrong comes as an exception from the call that waits.
/// </summary>
/// <param name="seed">Decides the order of threads and of streams.</param>
/// <param name="multiprocessors">How many it says it has: with few, blocks that go through several rows do so on little data.</param>
/// <param name="memoryBytes">How much memory it says it has.</param>
internal sealed unsafe class EmulatedDriver(uint seed = 0, int multiprocessors = 132, long memoryBytes = 141L << 30) : ICudaDriver
{
    const int FirstHandle = 0x1000;
    const int LargestBlock = 1024, LargestGridYz = 65535;

    readonly Lock gate = new();
    readonly EmulatedMemory device = new("device"), pinned = new("pinned");
    readonly Dictionary<nint, object> handles = [];
    readonly List<EmulatedStream> streams = [];
    readonly Random random = new((int)seed);
    nint lastHandle = FirstHandle;
    uint launches;
    int captures;
    long spent; // ticks beside those that have really passed
    CudaException? problem;
    bool isDisposed;

    /// <inheritdoc/>
    public GpuProperties Properties { get; } = new("Emulated H200", 9, 0, multiprocessors, memoryBytes, 227 << 10, 50 << 20, 12040);

    /// <summary>Captures that were ended.</summary>
    public int GraphCount { get; private set; }

    /// <summary>Pinned memory that is allocated.</summary>
    public long PinnedBytes => pinned.Bytes;

    /// <summary>Streams that there are.</summary>
    public int Streams => streams.Count;

    /// <summary>Events that there are.</summary>
    public int Events => handles.Values.OfType<EmulatedEvent>().Count();

    /// <summary>Kernels that have run.</summary>
    public long KernelCount => launches;

    /// <inheritdoc/>
    public nint Allocate(long bytes)
    {
        lock (gate)
        {
            RefuseCapture("memory is allocated");
            if (bytes > Properties.MemoryBytes - device.Bytes) throw new UserErrorException($"{bytes} bytes of memory: {Properties.MemoryBytes - device.Bytes} are free");
            return device.Allocate(bytes);
        }
    }

    /// <inheritdoc/>
    public void Free(nint address) => Release(() => device.Free(address));

    /// <inheritdoc/>
    public nint AllocatePinned(long bytes)
    {
        lock (gate)
        {
            RefuseCapture("pinned memory is allocated");
            return pinned.Allocate(bytes);
        }
    }

    /// <inheritdoc/>
    public void FreePinned(nint address) => Release(() => pinned.Free(address));

    /// <inheritdoc/>
    public long FreeMemory()
    {
        lock (gate) return Properties.MemoryBytes - device.Bytes;
    }

    /// <inheritdoc/>
    public void CopyToDevice(nint destination, nint source, long bytes, nint stream)
    {
        lock (gate)
        {
            device.Check(destination, bytes, "copy to device, destination");
            pinned.Check(source, bytes, "copy to device, source");
            Give(stream, new Work(WorkKind.Copy, destination, source, bytes));
        }
    }

    /// <inheritdoc/>
    public void CopyToHost(nint destination, nint source, long bytes, nint stream)
    {
        lock (gate)
        {
            pinned.Check(destination, bytes, "copy to host, destination");
            device.Check(source, bytes, "copy to host, source");
            Give(stream, new Work(WorkKind.Copy, destination, source, bytes));
        }
    }

    /// <inheritdoc/>
    public void Copy(nint destination, nint source, long bytes, nint stream)
    {
        lock (gate)
        {
            device.Check(destination, bytes, "copy, destination");
            device.Check(source, bytes, "copy, source");
            if (destination < source + bytes && source < destination + bytes) throw new CudaException("copy: source and destination overlap");
            Give(stream, new Work(WorkKind.Copy, destination, source, bytes));
        }
    }

    /// <inheritdoc/>
    public void Clear(nint address, long bytes, nint stream)
    {
        lock (gate)
        {
            device.Check(address, bytes, "clear");
            Give(stream, new Work(WorkKind.Clear, address, 0, bytes));
        }
    }

    /// <inheritdoc/>
    public nint LoadModule(ReadOnlySpan<byte> image)
    {
        string path = Encoding.UTF8.GetString(image);
        if (!File.Exists(path)) throw new CudaException("the image is not one of the emulator's");
        lock (gate) return Add(new EmulatedModule(path));
    }

    /// <inheritdoc/>
    public void UnloadModule(nint module) => Release(() => Remove<EmulatedModule>(module).Dispose());

    /// <inheritdoc/>
    public nint GetFunction(nint module, string name)
    {
        lock (gate) return Add(Get<EmulatedModule>(module).Function(name));
    }

    /// <inheritdoc/>
    public void AllowSharedMemory(nint function, int bytes)
    {
        lock (gate)
        {
            if (bytes > Properties.SharedMemoryPerBlock) throw new CudaException($"{bytes} bytes of shared memory: a block has at most {Properties.SharedMemoryPerBlock}");
            EmulatedFunction kernel = Get<EmulatedFunction>(function);
            kernel.AllowedSharedBytes = Math.Max(kernel.AllowedSharedBytes, bytes);
        }
    }

    /// <inheritdoc/>
    public void Launch(nint function, in LaunchShape shape, nint stream, void** arguments)
    {
        lock (gate)
        {
            EmulatedFunction kernel = Get<EmulatedFunction>(function);
            if (shape.BlockX is < 1 or > LargestBlock || shape.GridX < 1 || shape.GridY is < 1 or > LargestGridYz || shape.GridZ is < 1 or > LargestGridYz)
                throw new CudaException($"{kernel.Name}: a GPU cannot launch {shape}");
            if (shape.SharedBytes < 0 || shape.SharedBytes > kernel.AllowedSharedBytes)
                throw new CudaException($"{kernel.Name}: launched with {shape.SharedBytes} bytes of shared memory, allowed are {kernel.AllowedSharedBytes}");

            // The driver takes the arguments when it is called, not when the kernel starts.
            var values = new byte[kernel.ParameterSizes.Sum()];
            int position = 0;
            for (int i = 0; i < kernel.ParameterSizes.Length; i++)
            {
                if (arguments[i] is null) throw new CudaException($"{kernel.Name}: argument {i} of {kernel.ParameterSizes.Length} is missing");
                new ReadOnlySpan<byte>(arguments[i], kernel.ParameterSizes[i]).CopyTo(values.AsSpan(position));
                position += kernel.ParameterSizes[i];
            }

            Give(stream, new Work(WorkKind.Launch, Shape: shape, Subject: kernel, Arguments: values));
        }
    }

    /// <inheritdoc/>
    public bool HasTensorMaps => true;

    /// <inheritdoc/>
    public void EncodeTensorMap(in TensorBox box, Span<byte> map)
    {
        const int RowAlignment = 8, AddressAlignment = 16, MostRows = 256;
        if (box.Address % AddressAlignment != 0 || box.Stride % RowAlignment != 0 || box.Rows < 1 || box.Columns < 1 || box.BoxRows is < 1 or > MostRows) throw new CudaException($"no tensor map has {box}");
        var encoded = new EmulatedTensorMap(EmulatedTensorMap.TheMark, box.Address, box.Stride * sizeof(ushort), box.Rows, box.Columns, box.BoxRows, TensorBox.BoxColumns);
        map.Fill(0xFF);
        MemoryMarshal.Write(map, in encoded);
    }

    /// <summary>What the emulator's C++ calls BoxedMatrix.</summary>
    readonly record struct EmulatedTensorMap(ulong Mark, nint First, long Pitch, int Rows, int Columns, int BoxRows, int BoxColumns)
    {
        public const ulong TheMark = 0x786F42726F736E65;
    }

    /// <summary>Puts the work of a library that stands in for one of NVIDIA's into a stream: a function of C that is given the data.</summary>
    public void Enqueue(nint stream, nint function, nint data)
    {
        lock (gate) Give(stream, new Work(WorkKind.Host, function, data));
    }

    /// <summary>Work of a stand-in takes so long by the GPU's clock.</summary>
    public void Spend(float milliseconds)
    {
        lock (gate) spent += (long)(milliseconds * Stopwatch.Frequency / 1000);
    }

    /// <inheritdoc/>
    public nint CreateStream()
    {
        lock (gate)
        {
            streams.Add(new EmulatedStream());
            return Add(streams[^1]);
        }
    }

    /// <inheritdoc/>
    public void DestroyStream(nint stream) => Release(() => streams.Remove(Remove<EmulatedStream>(stream)));

    /// <inheritdoc/>
    public void Synchronize(nint stream)
    {
        lock (gate)
        {
            RefuseCapture("a stream is waited for");
            ThrowProblem();
            EmulatedStream waited = Get<EmulatedStream>(stream);
            while (waited.Pending.Count > 0)
            {
                if (random.Next(4) == 0) RunOneOfAny();
                else RunOne(waited);
            }

            device.CheckGuards();
            pinned.CheckGuards();
        }
    }

    /// <inheritdoc/>
    public nint CreateEvent()
    {
        lock (gate) return Add(new EmulatedEvent());
    }

    /// <inheritdoc/>
    public void DestroyEvent(nint marker) => Release(() => Remove<EmulatedEvent>(marker));

    /// <inheritdoc/>
    public void Record(nint marker, nint stream)
    {
        lock (gate)
        {
            EmulatedEvent it = Get<EmulatedEvent>(marker);
            EmulatedStream from = Get<EmulatedStream>(stream);
            it.Recording = from.Recording;
            if (from.Recording is not null)
            {
                it.Stream = from;
                return; // captured work is kept in the order in which it came: nothing more to say
            }

            (it.Recorded, it.Stream) = (it.Recorded + 1, from);
            Give(stream, new Work(WorkKind.Record, Count: it.Recorded, Subject: it));
        }
    }

    /// <inheritdoc/>
    public void Wait(nint stream, nint marker)
    {
        lock (gate)
        {
            EmulatedEvent it = Get<EmulatedEvent>(marker);
            EmulatedStream waiting = Get<EmulatedStream>(stream);
            if (it.Recording is { } recording)
            {
                if (waiting.Recording is not null && waiting.Recording != recording) throw new CudaException("a stream that is captured waits for an event of another capture");
                if (waiting == recording.Origin) recording.Joined.Remove(it.Stream!);
                else recording.Joined.Add(waiting);
                waiting.Recording = recording;
                return;
            }

            if (waiting.Recording is not null) throw new CudaException("a stream that is captured waits for an event outside of the capture");
            Give(stream, new Work(WorkKind.Wait, Count: it.Recorded, Subject: it));
        }
    }

    /// <inheritdoc/>
    public void WaitFor(nint marker)
    {
        lock (gate)
        {
            RefuseCapture("an event is waited for");
            EmulatedEvent it = Get<EmulatedEvent>(marker);
            RunUntil(it, it.Recorded);
        }
    }

    /// <inheritdoc/>
    public float Milliseconds(nint start, nint end)
    {
        lock (gate)
        {
            EmulatedEvent first = Get<EmulatedEvent>(start), last = Get<EmulatedEvent>(end);
            if (first.Recorded == 0 || last.Recorded == 0 || first.Passed < first.Recorded || last.Passed < last.Recorded) throw new CudaException("an event has not come to pass");
            return (float)Stopwatch.GetElapsedTime(first.Timestamp, last.Timestamp).TotalMilliseconds;
        }
    }

    /// <inheritdoc/>
    public void BeginCapture(nint stream)
    {
        lock (gate)
        {
            EmulatedStream origin = Get<EmulatedStream>(stream);
            if (origin.Recording is not null) throw new CudaException("the stream is captured already");
            origin.Recording = new Recording(origin);
            captures++;
        }
    }

    /// <inheritdoc/>
    public nint EndCapture(nint stream)
    {
        lock (gate)
        {
            EmulatedStream origin = Get<EmulatedStream>(stream);
            if (origin.Recording is not { } recording || recording.Origin != origin) throw new CudaException("the stream is not captured");
            foreach (EmulatedStream any in streams.Where(any => any.Recording == recording)) any.Recording = null;
            captures--;
            if (recording.Joined.Count > 0) throw new CudaException("the capture ends with streams that joined it and are not waited for");
            GraphCount++;
            return Add(recording.Work.ToArray());
        }
    }

    /// <inheritdoc/>
    public void LaunchGraph(nint graph, nint stream)
    {
        lock (gate) Give(stream, new Work(WorkKind.Graph, Subject: Get<Work[]>(graph)));
    }

    /// <inheritdoc/>
    public void DestroyGraph(nint graph) => Release(() => Remove<Work[]>(graph));

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (EmulatedModule module in handles.Values.OfType<EmulatedModule>()) module.Dispose();
        handles.Clear();
        device.Dispose();
        pinned.Dispose();
        isDisposed = true;
        ThrowProblem();
    }

    /// <summary>
    /// Ends the work that may need something, then gives it up. What goes wrong is kept for the next call that waits, as a GPU does
    /// it: handles are also released by the finalizer, where an exception would end the process.
    /// </summary>
    void Release(Action action)
    {
        lock (gate)
        {
            if (isDisposed) return;
            try
            {
                RunAll();
                action();
            }
            catch (CudaException error)
            {
                problem ??= error;
            }
        }
    }

    void ThrowProblem()
    {
        if (problem is not { } error) return;
        problem = null;
        throw error;
    }

    nint Add(object subject)
    {
        handles.Add(++lastHandle, subject);
        return lastHandle;
    }

    T Get<T>(nint handle) where T : class
        => handles.TryGetValue(handle, out object? subject) && subject is T it ? it : throw new CudaException($"{handle:x} is no {typeof(T).Name} (destroyed?)");

    T Remove<T>(nint handle) where T : class
    {
        T subject = Get<T>(handle);
        handles.Remove(handle);
        return subject;
    }

    void Give(nint stream, Work work)
    {
        EmulatedStream to = Get<EmulatedStream>(stream);
        if (to.Recording is { } recording) recording.Work.Add(work);
        else to.Pending.Enqueue(work);
    }

    void RefuseCapture(string what)
    {
        if (captures > 0) throw new CudaException($"{what} while a stream is captured");
    }

    void RunAll()
    {
        foreach (EmulatedStream stream in streams)
            while (stream.Pending.Count > 0)
                RunOne(stream);
    }

    void RunOneOfAny()
    {
        EmulatedStream stream = streams[random.Next(streams.Count)];
        if (stream.Pending.Count > 0) RunOne(stream);
    }

    void RunUntil(EmulatedEvent marker, long record)
    {
        while (marker.Passed < record) RunOne(marker.Stream!);
    }

    void RunOne(EmulatedStream stream)
    {
        Work work = stream.Pending.Peek();
        if (work.Kind == WorkKind.Wait) RunUntil((EmulatedEvent)work.Subject!, work.Count);
        stream.Pending.Dequeue();
        Run(work);
    }

    void Run(in Work work)
    {
        switch (work.Kind)
        {
            case WorkKind.Copy:
                NativeMemory.Copy((void*)work.Source, (void*)work.Destination, (nuint)work.Count);
                break;
            case WorkKind.Clear:
                NativeMemory.Clear((void*)work.Destination, (nuint)work.Count);
                break;
            case WorkKind.Launch:
                Run((EmulatedFunction)work.Subject!, work.Shape, work.Arguments!);
                break;
            case WorkKind.Host:
                ((delegate* unmanaged<nint, void>)work.Destination)(work.Source);
                break;
            case WorkKind.Record:
                var marker = (EmulatedEvent)work.Subject!;
                (marker.Passed, marker.Timestamp) = (work.Count, EmulatedClock.Now + spent);
                break;
            case WorkKind.Graph:
                foreach (Work part in (Work[])work.Subject!) Run(part);
                break;
        }
    }

    void Run(EmulatedFunction kernel, in LaunchShape shape, byte[] arguments)
    {
        int count = kernel.ParameterSizes.Length;
        void** pointers = stackalloc void*[Math.Max(count, 1)];
        fixed (byte* values = arguments)
        {
            byte* next = values;
            for (int i = 0; i < count; i++)
            {
                pointers[i] = next;
                next += kernel.ParameterSizes[i];
            }

            kernel.Run(shape, pointers, unchecked(seed + launches++), device.Ranges);
        }
    }
}
