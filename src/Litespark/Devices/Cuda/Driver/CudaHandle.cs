using System.Runtime.InteropServices;

namespace Litespark.Devices.Cuda.Driver;

/// <summary>Owns something of a driver; given back when disposed. The driver must live longer.</summary>
internal abstract class CudaHandle : SafeHandle
{
    protected CudaHandle(ICudaDriver driver, nint value) : base(0, ownsHandle: true)
    {
        Driver = driver;
        SetHandle(value);
    }

    /// <summary>Whose it is.</summary>
    protected ICudaDriver Driver { get; }

    /// <summary>The driver's own handle or address; valid until disposed.</summary>
    public nint Value => handle;

    /// <inheritdoc/>
    public override bool IsInvalid => handle == 0;

    /// <summary>Gives it back.</summary>
    protected abstract void Release();

    /// <summary>Never throws: once a kernel has failed, the driver refuses every call, and what was the matter has been said by then.</summary>
    protected sealed override bool ReleaseHandle()
    {
        try
        {
            Release();
            return true;
        }
        catch (CudaException)
        {
            return false;
        }
    }
}

/// <summary>Memory on the GPU.</summary>
internal sealed class DeviceMemory(ICudaDriver driver, long bytes) : CudaHandle(driver, driver.Allocate(Math.Max(bytes, 1)))
{
    /// <summary>Usable length in bytes.</summary>
    public long ByteLength { get; } = bytes;

    /// <inheritdoc/>
    protected override void Release() => Driver.Free(handle);
}

/// <summary>Pinned host memory.</summary>
internal sealed class PinnedMemory(ICudaDriver driver, long bytes) : CudaHandle(driver, driver.AllocatePinned(Math.Max(bytes, 1)))
{
    /// <summary>Usable length in bytes.</summary>
    public long ByteLength { get; } = bytes;

    /// <inheritdoc/>
    protected override void Release() => Driver.FreePinned(handle);
}

/// <summary>A queue of work.</summary>
internal sealed class CudaStream(ICudaDriver driver) : CudaHandle(driver, driver.CreateStream())
{
    /// <summary>Waits until all its work is done.</summary>
    public void Synchronize() => Driver.Synchronize(handle);

    /// <inheritdoc/>
    protected override void Release() => Driver.DestroyStream(handle);
}

/// <summary>A mark in a stream.</summary>
internal sealed class CudaEvent(ICudaDriver driver) : CudaHandle(driver, driver.CreateEvent())
{
    /// <inheritdoc/>
    protected override void Release() => Driver.DestroyEvent(handle);
}

/// <summary>Compiled kernels.</summary>
internal sealed class CudaModule(ICudaDriver driver, ReadOnlySpan<byte> image) : CudaHandle(driver, driver.LoadModule(image))
{
    /// <summary>A kernel by its name.</summary>
    public nint Function(string name) => Driver.GetFunction(handle, name);

    /// <inheritdoc/>
    protected override void Release() => Driver.UnloadModule(handle);
}

/// <summary>Recorded work.</summary>
internal sealed class CudaGraph(ICudaDriver driver, nint graph) : CudaHandle(driver, graph)
{
    /// <inheritdoc/>
    protected override void Release() => Driver.DestroyGraph(handle);
}
