using System.Runtime.InteropServices;
using Litespark.Devices.Cuda.Driver;

namespace Litespark.Devices.Cuda.Launching;

/// <summary>A kernel bound to its launch shape and arguments, which lie in native memory as the driver wants them.</summary>
internal sealed unsafe class KernelLaunch : ICudaCall
{
    readonly ICudaDriver driver;
    readonly nint function;
    readonly LaunchShape shape;
    readonly NativeBuffer memory;
    readonly void** pointers;

    /// <summary>Binds a kernel; <paramref name="arguments"/> in the kernel's order.</summary>
    public KernelLaunch(ICudaDriver driver, nint function, LaunchShape shape, params ReadOnlySpan<KernelArgument> arguments)
    {
        (this.driver, this.function, this.shape) = (driver, function, shape);
        int pointerBytes = (arguments.Length * sizeof(void*) + 63) / 64 * 64;
        memory = new NativeBuffer(pointerBytes + arguments.Length * sizeof(long));
        pointers = (void**)memory.Pointer;
        long* values = (long*)((byte*)memory.Pointer + pointerBytes);
        for (int i = 0; i < arguments.Length; i++)
        {
            values[i] = arguments[i].Bits;
            pointers[i] = values + i;
        }

        if (shape.SharedBytes > 0) driver.AllowSharedMemory(function, shape.SharedBytes);
    }

    /// <inheritdoc/>
    public void Enqueue(nint stream) => driver.Launch(function, shape, stream, pointers);

    /// <inheritdoc/>
    public void Dispose() => memory.Dispose();
}

/// <summary>An argument of a kernel: a device address (64 bits), an integer or a float (32 bits).</summary>
[StructLayout(LayoutKind.Auto)]
internal readonly struct KernelArgument
{
    KernelArgument(long bits) => Bits = bits;

    /// <summary>The value in its lowest bytes.</summary>
    public long Bits { get; }

    public static implicit operator KernelArgument(nint address) => new(address);

    public static implicit operator KernelArgument(long value) => new(value);

    public static implicit operator KernelArgument(int value) => new((uint)value);

    public static implicit operator KernelArgument(float value) => new(BitConverter.SingleToUInt32Bits(value));
}
