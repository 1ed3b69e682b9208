namespace Litespark.Devices.Cuda.Driver;

/// <summary>
/// What the CUDA device needs of a driver: the part of NVIDIA's driver API that runs plans. One implementation calls
/// <c>libcuda</c>; the tests have one that runs the same kernels on the processor, so that launch shapes, arguments, strides and
/// graph capture are tested without a GPU. Addresses and handles are the driver's own; <see cref="DeviceMemory"/> and its
/// neighbours own them. Every method throws <see cref="CudaException"/> where the driver reports an error.
/// </summary>
internal unsafe interface ICudaDriver : IDisposable
{
    /// <summary>The GPU.</summary>
    GpuProperties Properties { get; }

    /// <summary>Makes the GPU the calling thread's, for libraries that are called past this interface.</summary>
    void MakeCurrent()
    {
    }

    /// <summary>Memory on the GPU, 256-byte aligned, contents undefined.</summary>
    nint Allocate(long bytes);

    /// <summary>Frees memory of <see cref="Allocate"/>.</summary>
    void Free(nint address);

    /// <summary>Host memory that the GPU can copy from and to without a detour.</summary>
    nint AllocatePinned(long bytes);

    /// <summary>Frees memory of <see cref="AllocatePinned"/>.</summary>
    void FreePinned(nint address);

    /// <summary>Bytes of GPU memory that are free.</summary>
    long FreeMemory();

    /// <summary>Host to GPU, in the stream's order; the source must be pinned, and stay as it is until the stream has come past.</summary>
    void CopyToDevice(nint destination, nint source, long bytes, nint stream);

    /// <summary>GPU to host, in the stream's order; the destination must be pinned.</summary>
    void CopyToHost(nint destination, nint source, long bytes, nint stream);

    /// <summary>Within the GPU, in the stream's order.</summary>
    void Copy(nint destination, nint source, long bytes, nint stream);

    /// <summary>Fills with zero bytes, in the stream's order.</summary>
    void Clear(nint address, long bytes, nint stream);

    /// <summary>Loads what the compiler of this driver made.</summary>
    nint LoadModule(ReadOnlySpan<byte> image);

    /// <summary>Unloads a module.</summary>
    void UnloadModule(nint module);

    /// <summary>A kernel of a module by its name.</summary>
    nint GetFunction(nint module, string name);

    /// <summary>Lets a kernel be launched with so much dynamic shared memory.</summary>
    void AllowSharedMemory(nint function, int bytes);

    /// <summary>Starts a kernel. <paramref name="arguments"/> points to one pointer for each argument, in the kernel's order.</summary>
    void Launch(nint function, in LaunchShape shape, nint stream, void** arguments);

    /// <summary>Whether the driver knows tensor maps (CUDA 12).</summary>
    bool HasTensorMaps { get; }

    /// <summary>Encodes a tensor map, of <see cref="TensorBox.MapBytes"/> bytes.</summary>
    void EncodeTensorMap(in TensorBox box, Span<byte> map);

    /// <summary>A queue of work that runs in order.</summary>
    nint CreateStream();

    /// <summary>Ends a stream.</summary>
    void DestroyStream(nint stream);

    /// <summary>Waits until all work of a stream is done.</summary>
    void Synchronize(nint stream);

    /// <summary>A mark in a stream that carries a time.</summary>
    nint CreateEvent();

    /// <summary>Ends an event.</summary>
    void DestroyEvent(nint marker);

    /// <summary>Puts an event behind what the stream has been given so far.</summary>
    void Record(nint marker, nint stream);

    /// <summary>Lets what the stream is given from now on wait for an event.</summary>
    void Wait(nint stream, nint marker);

    /// <summary>Waits for an event on the host.</summary>
    void WaitFor(nint marker);

    /// <summary>Milliseconds between two events that have come to pass.</summary>
    float Milliseconds(nint start, nint end);

    /// <summary>From now on what the stream is given is recorded rather than run.</summary>
    void BeginCapture(nint stream);

    /// <summary>Ends the recording and makes it executable.</summary>
    nint EndCapture(nint stream);

    /// <summary>Runs a recording.</summary>
    void LaunchGraph(nint graph, nint stream);

    /// <summary>Frees a recording.</summary>
    void DestroyGraph(nint graph);
}
