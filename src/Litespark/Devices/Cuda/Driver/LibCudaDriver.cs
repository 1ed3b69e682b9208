using System.Text;

namespace Litespark.Devices.Cuda.Driver;

/// <summary>
/// A GPU through NVIDIA's driver. Holds the GPU's primary context, the one that NVIDIA's own libraries share, and makes it
/// current on every thread that calls. What is still allocated when the driver is disposed goes with the context.
/// </summary>
internal sealed unsafe class LibCudaDriver : ICudaDriver
{
    const int MaxDynamicSharedSizeBytes = 8; // CU_FUNC_ATTRIBUTE_…
    const int ErrorLogBuffer = 5, ErrorLogBufferSizeBytes = 6; // CU_JIT_…
    const uint NonBlockingStream = 1; // CU_STREAM_NON_BLOCKING: does not wait for the legacy default stream
    const int CaptureThisThread = 1; // CU_STREAM_CAPTURE_MODE_THREAD_LOCAL: other threads may compile and allocate meanwhile
    const uint PortableMemory = 1; // CU_MEMHOSTALLOC_PORTABLE: pinned for every GPU

    /// <summary>Whose context is current on this thread.</summary>
    [ThreadStatic]
    static LibCudaDriver? current;

    readonly LibCuda cuda;
    readonly int device;
    readonly nint context;
    volatile bool disposed;

    /// <summary>Opens a GPU.</summary>
    /// <param name="cuda">The driver library.</param>
    /// <param name="ordinal">Number of the GPU, from 0, as CUDA_VISIBLE_DEVICES leaves them.</param>
    /// <exception cref="UserErrorException">There is no such GPU.</exception>
    /// <exception cref="CudaException">The driver refuses.</exception>
    public LibCudaDriver(LibCuda cuda, int ordinal = 0)
    {
        this.cuda = cuda;
        try
        {
            cuda.Initialize();
        }
        catch (CudaException error)
        {
            throw new UserErrorException(
                $"The NVIDIA driver is installed but has no usable GPU ({error.Message}). Look at `nvidia-smi` and at CUDA_VISIBLE_DEVICES; a container needs to be started with GPU access.", error);
        }

        int count = cuda.DeviceCount();
        if (ordinal < 0 || ordinal >= count)
            throw new UserErrorException($"There is no GPU number {ordinal}: CUDA shows {count}, counted from 0. CUDA_VISIBLE_DEVICES chooses among those of the machine.");
        device = cuda.Device(ordinal);
        Properties = cuda.Properties(device);
        nint retained;
        cuda.Check(cuda.DevicePrimaryCtxRetain(&retained, device), "cuDevicePrimaryCtxRetain");
        context = retained;
    }

    /// <inheritdoc/>
    public GpuProperties Properties { get; }

    /// <inheritdoc/>
    public void MakeCurrent() => Enter();

    /// <inheritdoc/>
    public nint Allocate(long bytes)
    {
        Enter();
        nint address;
        int result = cuda.MemAlloc(&address, (nuint)bytes);
        if (result == LibCuda.OutOfMemory) throw OutOfMemory(bytes);
        cuda.Check(result, "cuMemAlloc");
        return address;
    }

    /// <inheritdoc/>
    public void Free(nint address)
    {
        if (EnterForRelease()) cuda.Check(cuda.MemFree(address), "cuMemFree");
    }

    /// <inheritdoc/>
    public nint AllocatePinned(long bytes)
    {
        Enter();
        nint address;
        int result = cuda.MemHostAlloc(&address, (nuint)bytes, PortableMemory);
        if (result == LibCuda.OutOfMemory)
            throw new UserErrorException($"The system does not give {bytes / 1e6:0.0} MB of pinned memory. Close other programs, or raise the limit of locked memory (ulimit -l, a container's memlock).");
        cuda.Check(result, "cuMemHostAlloc");
        return address;
    }

    /// <inheritdoc/>
    public void FreePinned(nint address)
    {
        if (EnterForRelease()) cuda.Check(cuda.MemFreeHost(address), "cuMemFreeHost");
    }

    /// <inheritdoc/>
    public long FreeMemory()
    {
        Enter();
        nuint free, total;
        cuda.Check(cuda.MemGetInfo(&free, &total), "cuMemGetInfo");
        return (long)free;
    }

    /// <inheritdoc/>
    public void CopyToDevice(nint destination, nint source, long bytes, nint stream)
    {
        Enter();
        cuda.Check(cuda.MemcpyHtoDAsync(destination, source, (nuint)bytes, stream), "cuMemcpyHtoDAsync");
    }

    /// <inheritdoc/>
    public void CopyToHost(nint destination, nint source, long bytes, nint stream)
    {
        Enter();
        cuda.Check(cuda.MemcpyDtoHAsync(destination, source, (nuint)bytes, stream), "cuMemcpyDtoHAsync");
    }

    /// <inheritdoc/>
    public void Copy(nint destination, nint source, long bytes, nint stream)
    {
        Enter();
        cuda.Check(cuda.MemcpyDtoDAsync(destination, source, (nuint)bytes, stream), "cuMemcpyDtoDAsync");
    }

    /// <inheritdoc/>
    public void Clear(nint address, long bytes, nint stream)
    {
        Enter();
        cuda.Check(cuda.MemsetD8Async(address, 0, (nuint)bytes, stream), "cuMemsetD8Async");
    }

    /// <inheritdoc/>
    public nint LoadModule(ReadOnlySpan<byte> image)
    {
        Enter();
        const int LogLength = 4096;
        byte* log = stackalloc byte[LogLength];
        *log = 0;
        int* options = stackalloc int[] { ErrorLogBuffer, ErrorLogBufferSizeBytes };
        void** values = stackalloc void*[2];
        values[0] = log;
        values[1] = (void*)LogLength;
        nint module;
        fixed (byte* start = image)
        {
            int result = cuda.ModuleLoadDataEx(&module, start, 2, options, values);
            if (result != 0) cuda.Check(result, "cuModuleLoadDataEx", LogText(log, LogLength));
        }

        return module;
    }

    /// <inheritdoc/>
    public void UnloadModule(nint module)
    {
        if (EnterForRelease()) cuda.Check(cuda.ModuleUnload(module), "cuModuleUnload");
    }

    /// <inheritdoc/>
    public nint GetFunction(nint module, string name)
    {
        Enter();
        nint function;
        fixed (byte* text = Encoding.UTF8.GetBytes(name + '\0')) cuda.Check(cuda.ModuleGetFunction(&function, module, text), "cuModuleGetFunction", name);
        return function;
    }

    /// <inheritdoc/>
    public void AllowSharedMemory(nint function, int bytes)
    {
        Enter();
        int result = cuda.FuncSetAttribute(function, MaxDynamicSharedSizeBytes, bytes);
        if (result != 0) cuda.Check(result, "cuFuncSetAttribute", $"{bytes} bytes of shared memory, of {Properties.SharedMemoryPerBlock} that a block may have");
    }

    /// <inheritdoc/>
    public void Launch(nint function, in LaunchShape shape, nint stream, void** arguments)
    {
        Enter();
        int result = cuda.LaunchKernel(function, (uint)shape.GridX, (uint)shape.GridY, (uint)shape.GridZ, (uint)shape.BlockX, 1, 1, (uint)shape.SharedBytes, stream, arguments, null);
        if (result != 0) cuda.Check(result, "cuLaunchKernel", shape.ToString());
    }

    /// <inheritdoc/>
    public bool HasTensorMaps => cuda.TensorMapEncodeTiled != null;

    /// <inheritdoc/>
    public void EncodeTensorMap(in TensorBox box, Span<byte> map)
    {
        const int BFloat16 = 9, NoInterleave = 0, Swizzle128Bytes = 3, Promote256Bytes = 3, ZerosOutside = 0; // CU_TENSOR_MAP_…
        const uint Rank = 2;
        Enter();
        byte* memory = stackalloc byte[TensorBox.MapBytes + TensorBox.MapAlignment];
        byte* encoded = memory + (TensorBox.MapAlignment - (nint)memory % TensorBox.MapAlignment);
        ulong* sizes = stackalloc ulong[] { (ulong)box.Columns, (ulong)box.Rows }, strides = stackalloc ulong[] { (ulong)box.Stride * sizeof(ushort) };
        uint* boxSizes = stackalloc uint[] { TensorBox.BoxColumns, (uint)box.BoxRows }, steps = stackalloc uint[] { 1, 1 };
        int result = cuda.TensorMapEncodeTiled(encoded, BFloat16, Rank, box.Address, sizes, strides, boxSizes, steps, NoInterleave, Swizzle128Bytes, Promote256Bytes, ZerosOutside);
        if (result != 0) cuda.Check(result, "cuTensorMapEncodeTiled", box.ToString());
        new ReadOnlySpan<byte>(encoded, TensorBox.MapBytes).CopyTo(map);
    }

    /// <inheritdoc/>
    public nint CreateStream()
    {
        Enter();
        nint stream;
        cuda.Check(cuda.StreamCreate(&stream, NonBlockingStream), "cuStreamCreate");
        return stream;
    }

    /// <inheritdoc/>
    public void DestroyStream(nint stream)
    {
        if (EnterForRelease()) cuda.Check(cuda.StreamDestroy(stream), "cuStreamDestroy");
    }

    /// <inheritdoc/>
    public void Synchronize(nint stream)
    {
        Enter();
        cuda.Check(cuda.StreamSynchronize(stream), "cuStreamSynchronize");
    }

    /// <inheritdoc/>
    public nint CreateEvent()
    {
        Enter();
        nint marker;
        cuda.Check(cuda.EventCreate(&marker, 0), "cuEventCreate");
        return marker;
    }

    /// <inheritdoc/>
    public void DestroyEvent(nint marker)
    {
        if (EnterForRelease()) cuda.Check(cuda.EventDestroy(marker), "cuEventDestroy");
    }

    /// <inheritdoc/>
    public void Record(nint marker, nint stream)
    {
        Enter();
        cuda.Check(cuda.EventRecord(marker, stream), "cuEventRecord");
    }

    /// <inheritdoc/>
    public void Wait(nint stream, nint marker)
    {
        Enter();
        cuda.Check(cuda.StreamWaitEvent(stream, marker, 0), "cuStreamWaitEvent");
    }

    /// <inheritdoc/>
    public void WaitFor(nint marker)
    {
        Enter();
        cuda.Check(cuda.EventSynchronize(marker), "cuEventSynchronize");
    }

    /// <inheritdoc/>
    public float Milliseconds(nint start, nint end)
    {
        Enter();
        float milliseconds;
        cuda.Check(cuda.EventElapsedTime(&milliseconds, start, end), "cuEventElapsedTime");
        return milliseconds;
    }

    /// <inheritdoc/>
    public void BeginCapture(nint stream)
    {
        Enter();
        cuda.Check(cuda.StreamBeginCapture(stream, CaptureThisThread), "cuStreamBeginCapture");
    }

    /// <inheritdoc/>
    public nint EndCapture(nint stream)
    {
        Enter();
        nint graph, executable;
        cuda.Check(cuda.StreamEndCapture(stream, &graph), "cuStreamEndCapture");
        int result = cuda.GraphInstantiate(&executable, graph, 0);
        _ = cuda.GraphDestroy(graph); // the executable one does not need it
        cuda.Check(result, "cuGraphInstantiateWithFlags");
        return executable;
    }

    /// <inheritdoc/>
    public void LaunchGraph(nint graph, nint stream)
    {
        Enter();
        cuda.Check(cuda.GraphLaunch(graph, stream), "cuGraphLaunch");
    }

    /// <inheritdoc/>
    public void DestroyGraph(nint graph)
    {
        if (EnterForRelease()) cuda.Check(cuda.GraphExecDestroy(graph), "cuGraphExecDestroy");
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (disposed) return;
        disposed = true;
        _ = cuda.CtxSetCurrent(0);
        current = null;
        _ = cuda.DevicePrimaryCtxRelease(device);
    }

    void Enter()
    {
        ObjectDisposedException.ThrowIf(disposed, this);
        if (ReferenceEquals(current, this)) return;
        cuda.Check(cuda.CtxSetCurrent(context), "cuCtxSetCurrent");
        current = this;
    }

    /// <summary>False where the context has gone, and all that was in it.</summary>
    bool EnterForRelease()
    {
        if (disposed) return false;
        Enter();
        return true;
    }

    UserErrorException OutOfMemory(long bytes)
    {
        nuint free = 0, total = 0;
        string state = cuda.MemGetInfo(&free, &total) == 0 ? $" ({free / 1e9:0.0} of {total / 1e9:0.0} GB are)" : "";
        return new UserErrorException(
            $"The program needs {bytes / 1e9:0.0} GB in one piece, which {Properties.Name} does not have free{state}. "
            + "A smaller training.micro_batch_size or training.sequence_length, engine.recompute: full, or a smaller model would fit; `litespark plan` shows the table.");
    }

    static string LogText(byte* log, int length)
    {
        var text = new ReadOnlySpan<byte>(log, length);
        int end = text.IndexOf((byte)0);
        return Encoding.UTF8.GetString(end < 0 ? text : text[..end]);
    }
}
