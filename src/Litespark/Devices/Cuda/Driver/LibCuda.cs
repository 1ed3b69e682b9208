using System.Runtime.InteropServices;
using System.Text;

namespace Litespark.Devices.Cuda.Driver;

/// <summary>
/// The functions of NVIDIA's driver library that Litespark calls, by the names under which the library exports them: a suffix
/// <c>_v2</c> is part of the binary interface that <c>cuda.h</c> hides behind macros. Pointers are held rather than declared
/// imports, because where the library lies is known only at run time.
/// </summary>
/// <param name="library">A loaded <c>libcuda.so.1</c>.</param>
internal sealed unsafe class LibCuda(nint library)
{
    /// <summary>CUDA_ERROR_OUT_OF_MEMORY.</summary>
    public const int OutOfMemory = 2;

    // CUDA_ERROR_…: a kernel's fault, after which the context is of no use. From HARDWARE_STACK_ERROR to LAUNCH_FAILED they follow each other.
    const int IllegalAddress = 700, LaunchTimeout = 702, FirstKernelFault = 714, LastKernelFault = 719;

    // CUdevice_attribute
    const int Multiprocessors = 16, SecondLevelCacheBytes = 38, CapabilityMajor = 75, CapabilityMinor = 76, SharedMemoryPerBlockOptIn = 97;

    readonly delegate* unmanaged<int, byte**, int> getErrorName = (delegate* unmanaged<int, byte**, int>)Export(library, "cuGetErrorName");
    readonly delegate* unmanaged<int, byte**, int> getErrorString = (delegate* unmanaged<int, byte**, int>)Export(library, "cuGetErrorString");
    readonly delegate* unmanaged<uint, int> init = (delegate* unmanaged<uint, int>)Export(library, "cuInit");
    readonly delegate* unmanaged<int*, int> driverGetVersion = (delegate* unmanaged<int*, int>)Export(library, "cuDriverGetVersion");
    readonly delegate* unmanaged<int*, int> deviceGetCount = (delegate* unmanaged<int*, int>)Export(library, "cuDeviceGetCount");
    readonly delegate* unmanaged<int*, int, int> deviceGet = (delegate* unmanaged<int*, int, int>)Export(library, "cuDeviceGet");
    readonly delegate* unmanaged<byte*, int, int, int> deviceGetName = (delegate* unmanaged<byte*, int, int, int>)Export(library, "cuDeviceGetName");
    readonly delegate* unmanaged<byte*, int, int, int> deviceGetPciBusId = (delegate* unmanaged<byte*, int, int, int>)Export(library, "cuDeviceGetPCIBusId");
    readonly delegate* unmanaged<nuint*, int, int> deviceTotalMem = (delegate* unmanaged<nuint*, int, int>)Export(library, "cuDeviceTotalMem_v2");
    readonly delegate* unmanaged<int*, int, int, int> deviceGetAttribute = (delegate* unmanaged<int*, int, int, int>)Export(library, "cuDeviceGetAttribute");

    public readonly delegate* unmanaged<nint*, int, int> DevicePrimaryCtxRetain = (delegate* unmanaged<nint*, int, int>)Export(library, "cuDevicePrimaryCtxRetain");
    public readonly delegate* unmanaged<int, int> DevicePrimaryCtxRelease = (delegate* unmanaged<int, int>)Export(library, "cuDevicePrimaryCtxRelease_v2");
    public readonly delegate* unmanaged<nint, int> CtxSetCurrent = (delegate* unmanaged<nint, int>)Export(library, "cuCtxSetCurrent");

    public readonly delegate* unmanaged<nint*, nuint, int> MemAlloc = (delegate* unmanaged<nint*, nuint, int>)Export(library, "cuMemAlloc_v2");
    public readonly delegate* unmanaged<nint, int> MemFree = (delegate* unmanaged<nint, int>)Export(library, "cuMemFree_v2");
    public readonly delegate* unmanaged<nint*, nuint, uint, int> MemHostAlloc = (delegate* unmanaged<nint*, nuint, uint, int>)Export(library, "cuMemHostAlloc");
    public readonly delegate* unmanaged<nint, int> MemFreeHost = (delegate* unmanaged<nint, int>)Export(library, "cuMemFreeHost");
    public readonly delegate* unmanaged<nuint*, nuint*, int> MemGetInfo = (delegate* unmanaged<nuint*, nuint*, int>)Export(library, "cuMemGetInfo_v2");
    public readonly delegate* unmanaged<nint, nint, nuint, nint, int> MemcpyHtoDAsync = (delegate* unmanaged<nint, nint, nuint, nint, int>)Export(library, "cuMemcpyHtoDAsync_v2");
    public readonly delegate* unmanaged<nint, nint, nuint, nint, int> MemcpyDtoHAsync = (delegate* unmanaged<nint, nint, nuint, nint, int>)Export(library, "cuMemcpyDtoHAsync_v2");
    public readonly delegate* unmanaged<nint, nint, nuint, nint, int> MemcpyDtoDAsync = (delegate* unmanaged<nint, nint, nuint, nint, int>)Export(library, "cuMemcpyDtoDAsync_v2");
    public readonly delegate* unmanaged<nint, byte, nuint, nint, int> MemsetD8Async = (delegate* unmanaged<nint, byte, nuint, nint, int>)Export(library, "cuMemsetD8Async");

    public readonly delegate* unmanaged<nint*, byte*, uint, int*, void**, int> ModuleLoadDataEx = (delegate* unmanaged<nint*, byte*, uint, int*, void**, int>)Export(library, "cuModuleLoadDataEx");
    public readonly delegate* unmanaged<nint, int> ModuleUnload = (delegate* unmanaged<nint, int>)Export(library, "cuModuleUnload");
    public readonly delegate* unmanaged<nint*, nint, byte*, int> ModuleGetFunction = (delegate* unmanaged<nint*, nint, byte*, int>)Export(library, "cuModuleGetFunction");
    public readonly delegate* unmanaged<nint, int, int, int> FuncSetAttribute = (delegate* unmanaged<nint, int, int, int>)Export(library, "cuFuncSetAttribute");
    public readonly delegate* unmanaged<nint, uint, uint, uint, uint, uint, uint, uint, nint, void**, void**, int> LaunchKernel =
        (delegate* unmanaged<nint, uint, uint, uint, uint, uint, uint, uint, nint, void**, void**, int>)Export(library, "cuLaunchKernel");

    /// <summary>Of CUDA 12 and later; else null.</summary>
    public readonly delegate* unmanaged<void*, int, uint, nint, ulong*, ulong*, uint*, uint*, int, int, int, int, int> TensorMapEncodeTiled =
        (delegate* unmanaged<void*, int, uint, nint, ulong*, ulong*, uint*, uint*, int, int, int, int, int>)ExportOrNull(library, "cuTensorMapEncodeTiled");

    public readonly delegate* unmanaged<nint*, uint, int> StreamCreate = (delegate* unmanaged<nint*, uint, int>)Export(library, "cuStreamCreate");
    public readonly delegate* unmanaged<nint, int> StreamDestroy = (delegate* unmanaged<nint, int>)Export(library, "cuStreamDestroy_v2");
    public readonly delegate* unmanaged<nint, int> StreamSynchronize = (delegate* unmanaged<nint, int>)Export(library, "cuStreamSynchronize");
    public readonly delegate* unmanaged<nint, nint, uint, int> StreamWaitEvent = (delegate* unmanaged<nint, nint, uint, int>)Export(library, "cuStreamWaitEvent");
    public readonly delegate* unmanaged<nint, int, int> StreamBeginCapture = (delegate* unmanaged<nint, int, int>)Export(library, "cuStreamBeginCapture_v2");
    public readonly delegate* unmanaged<nint, nint*, int> StreamEndCapture = (delegate* unmanaged<nint, nint*, int>)Export(library, "cuStreamEndCapture");

    public readonly delegate* unmanaged<nint*, uint, int> EventCreate = (delegate* unmanaged<nint*, uint, int>)Export(library, "cuEventCreate");
    public readonly delegate* unmanaged<nint, int> EventDestroy = (delegate* unmanaged<nint, int>)Export(library, "cuEventDestroy_v2");
    public readonly delegate* unmanaged<nint, nint, int> EventRecord = (delegate* unmanaged<nint, nint, int>)Export(library, "cuEventRecord");
    public readonly delegate* unmanaged<nint, int> EventSynchronize = (delegate* unmanaged<nint, int>)Export(library, "cuEventSynchronize");
    public readonly delegate* unmanaged<float*, nint, nint, int> EventElapsedTime = (delegate* unmanaged<float*, nint, nint, int>)Export(library, "cuEventElapsedTime");

    public readonly delegate* unmanaged<nint*, nint, ulong, int> GraphInstantiate = (delegate* unmanaged<nint*, nint, ulong, int>)Export(library, "cuGraphInstantiateWithFlags");
    public readonly delegate* unmanaged<nint, nint, int> GraphLaunch = (delegate* unmanaged<nint, nint, int>)Export(library, "cuGraphLaunch");
    public readonly delegate* unmanaged<nint, int> GraphDestroy = (delegate* unmanaged<nint, int>)Export(library, "cuGraphDestroy");
    public readonly delegate* unmanaged<nint, int> GraphExecDestroy = (delegate* unmanaged<nint, int>)Export(library, "cuGraphExecDestroy");

    /// <summary>Gets the driver ready; may be called again.</summary>
    /// <exception cref="CudaException">There is no GPU, or the driver and the kernel module do not fit.</exception>
    public void Initialize() => Check(init(0), "cuInit");

    /// <summary>GPUs that this process may use.</summary>
    public int DeviceCount()
    {
        int count;
        Check(deviceGetCount(&count), "cuDeviceGetCount");
        return count;
    }

    /// <summary>The driver's handle of a GPU.</summary>
    /// <param name="ordinal">Number of the GPU, from 0.</param>
    public int Device(int ordinal)
    {
        int device;
        Check(deviceGet(&device, ordinal), "cuDeviceGet");
        return device;
    }

    /// <summary>What a GPU is.</summary>
    /// <param name="device">Handle of <see cref="Device"/>.</param>
    public GpuProperties Properties(int device)
    {
        const int NameLength = 256, BusIdLength = 32;
        byte* name = stackalloc byte[NameLength], busId = stackalloc byte[BusIdLength];
        Check(deviceGetName(name, NameLength, device), "cuDeviceGetName");
        Check(deviceGetPciBusId(busId, BusIdLength, device), "cuDeviceGetPCIBusId");
        nuint memory;
        Check(deviceTotalMem(&memory, device), "cuDeviceTotalMem");
        int version;
        Check(driverGetVersion(&version), "cuDriverGetVersion");
        return new GpuProperties(Text(name), Attribute(CapabilityMajor), Attribute(CapabilityMinor), Attribute(Multiprocessors), (long)memory,
            Attribute(SharedMemoryPerBlockOptIn), Attribute(SecondLevelCacheBytes), version)
        {
            PciBusId = Text(busId),
        };

        int Attribute(int attribute)
        {
            int value;
            Check(deviceGetAttribute(&value, attribute, device), "cuDeviceGetAttribute");
            return value;
        }
    }

    /// <summary>Throws where a call did not succeed.</summary>
    /// <param name="result">The call's CUresult.</param>
    /// <param name="call">Its name.</param>
    /// <param name="detail">What else is known.</param>
    public void Check(int result, string call, string? detail = null)
    {
        if (result != 0) throw new CudaException(Describe(result, call, detail)) { LosesContext = result is IllegalAddress or LaunchTimeout or (>= FirstKernelFault and <= LastKernelFault) };
    }

    /// <summary>The call, the error's name, number and text.</summary>
    public string Describe(int result, string call, string? detail = null)
    {
        byte* name = null, text = null;
        _ = getErrorName(result, &name);
        _ = getErrorString(result, &text);
        string ending = string.IsNullOrWhiteSpace(detail) ? "" : $"; {detail.Trim()}";
        return $"{call}: {(name is null ? "unknown error" : Text(name))} ({result}){(text is null ? "" : ": " + Text(text))}{ending}";
    }

    static string Text(byte* text) => Encoding.UTF8.GetString(MemoryMarshal.CreateReadOnlySpanFromNullTerminated(text));

    static nint ExportOrNull(nint library, string name) => NativeLibrary.TryGetExport(library, name, out nint address) ? address : 0;

    static nint Export(nint library, string name) => NativeLibrary.TryGetExport(library, name, out nint address) ? address
        : throw new UserErrorException($"engine.device: cuda: the NVIDIA driver's library (libcuda) has no {name}: it is too old, or a stub that toolkits bring along to link with. Install a current driver.");
}
