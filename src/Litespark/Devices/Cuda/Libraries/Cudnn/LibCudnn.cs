using System.Runtime.InteropServices;
using System.Text;
using Litespark.Devices.Cuda.Driver;

namespace Litespark.Devices.Cuda.Libraries.Cudnn;

/// <summary>The functions of cuDNN that Litespark calls: its backend, to which operations are described, and which says how it would run them.</summary>
/// <param name="library">A loaded <c>libcudnn</c>, 9 or later.</param>
internal sealed unsafe class LibCudnn(nint library)
{
    const int LongestMessage = 1024;

    readonly delegate* unmanaged<int, byte*> getErrorString = (delegate* unmanaged<int, byte*>)NativeLibrary.GetExport(library, "cudnnGetErrorString");
    readonly delegate* unmanaged<byte*, nuint, void> getLastErrorString = (delegate* unmanaged<byte*, nuint, void>)NativeLibrary.GetExport(library, "cudnnGetLastErrorString");

    public readonly delegate* unmanaged<nint*, int> Create = (delegate* unmanaged<nint*, int>)NativeLibrary.GetExport(library, "cudnnCreate");
    public readonly delegate* unmanaged<nint, int> Destroy = (delegate* unmanaged<nint, int>)NativeLibrary.GetExport(library, "cudnnDestroy");
    public readonly delegate* unmanaged<nint, nint, int> SetStream = (delegate* unmanaged<nint, nint, int>)NativeLibrary.GetExport(library, "cudnnSetStream");
    public readonly delegate* unmanaged<int, nint*, int> CreateDescriptor = (delegate* unmanaged<int, nint*, int>)NativeLibrary.GetExport(library, "cudnnBackendCreateDescriptor");
    public readonly delegate* unmanaged<nint, int> DestroyDescriptor = (delegate* unmanaged<nint, int>)NativeLibrary.GetExport(library, "cudnnBackendDestroyDescriptor");
    public readonly delegate* unmanaged<nint, int> Complete = (delegate* unmanaged<nint, int>)NativeLibrary.GetExport(library, "cudnnBackendFinalize");

    /// <summary>(descriptor, name, type, count, values)</summary>
    public readonly delegate* unmanaged<nint, int, int, long, void*, int> SetAttribute =
        (delegate* unmanaged<nint, int, int, long, void*, int>)NativeLibrary.GetExport(library, "cudnnBackendSetAttribute");

    /// <summary>(descriptor, name, type, requested, count, values)</summary>
    public readonly delegate* unmanaged<nint, int, int, long, long*, void*, int> GetAttribute =
        (delegate* unmanaged<nint, int, int, long, long*, void*, int>)NativeLibrary.GetExport(library, "cudnnBackendGetAttribute");

    /// <summary>(handle, plan, variant pack)</summary>
    public readonly delegate* unmanaged<nint, nint, nint, int> Execute = (delegate* unmanaged<nint, nint, nint, int>)NativeLibrary.GetExport(library, "cudnnBackendExecute");

    /// <summary>10000 · major + 100 · minor + patch.</summary>
    public int Number { get; } = (int)((delegate* unmanaged<nuint>)NativeLibrary.GetExport(library, "cudnnGetVersion"))();

    /// <summary>Throws where a call did not succeed, with what cuDNN says of it.</summary>
    public void Check(int status, string call)
    {
        if (status == 0) return;
        byte* last = stackalloc byte[LongestMessage];
        last[0] = 0;
        getLastErrorString(last, LongestMessage);
        string message = Encoding.UTF8.GetString(MemoryMarshal.CreateReadOnlySpanFromNullTerminated(last)).Trim();
        throw new CudaException($"{call}: {Marshal.PtrToStringUTF8((nint)getErrorString(status))} ({status}){(message.Length == 0 ? "" : ": " + message)}");
    }
}

/// <summary>cuDNN on the GPU that is current when it is opened.</summary>
internal sealed unsafe class CudnnHandle : SafeHandle
{
    readonly LibCudnn library;
    readonly ICudaDriver driver;

    public CudnnHandle(LibCudnn library, ICudaDriver driver) : base(0, ownsHandle: true)
    {
        (this.library, this.driver) = (library, driver);
        driver.MakeCurrent();
        nint created;
        library.Check(library.Create(&created), "cudnnCreate");
        SetHandle(created);
    }

    /// <summary>cuDNN's own handle; valid until disposed.</summary>
    public nint Value => handle;

    /// <inheritdoc/>
    public override bool IsInvalid => handle == 0;

    /// <inheritdoc/>
    protected override bool ReleaseHandle()
    {
        try
        {
            driver.MakeCurrent();
            return library.Destroy(handle) == 0;
        }
        catch (Exception error) when (error is CudaException or ObjectDisposedException)
        {
            return false; // the GPU's context has gone, and the handle with it
        }
    }
}
