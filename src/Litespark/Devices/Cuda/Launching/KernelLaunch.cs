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
        // Pointers, then tensor maps, then words.
        int maps = (arguments.Length * sizeof(void*) + TensorBox.MapAlignment - 1) / TensorBox.MapAlignment * TensorBox.MapAlignment, words = maps;
        foreach (KernelArgument argument in arguments) words += argument.Box is null ? 0 : TensorBox.MapBytes;
        memory = new NativeBuffer(words + arguments.Length * sizeof(long));
        pointers = (void**)memory.Pointer;
        try
        {
            Write(arguments, maps, words);
            if (shape.SharedBytes > 0) driver.AllowSharedMemory(function, shape.SharedBytes);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Whether the arguments' memory is given back.</summary>
    public bool IsClosed => memory.IsClosed;

    /// <inheritdoc/>
    public void Enqueue(nint stream) => driver.Launch(function, shape, stream, pointers);

    /// <inheritdoc/>
    public void Dispose() => memory.Dispose();

    void Write(ReadOnlySpan<KernelArgument> arguments, int maps, int words)
    {
        for (int i = 0; i < arguments.Length; i++)
        {
            byte* value = (byte*)memory.Pointer + (arguments[i].Box is null ? words : maps);
            pointers[i] = value;
            if (arguments[i].Box is { } box)
            {
                driver.EncodeTensorMap(box, new Span<byte>(value, TensorBox.MapBytes));
                maps += TensorBox.MapBytes;
                continue;
            }

            *(long*)value = arguments[i].Bits;
            words += sizeof(long);
        }
    }
}

/// <summary>An argument of a kernel: a device address (64 bits), an integer or a float (32 bits), or a tensor map.</summary>
[StructLayout(LayoutKind.Auto)]
internal readonly struct KernelArgument
{
    KernelArgument(long bits, TensorBox? box = null) => (Bits, Box) = (bits, box);

    /// <summary>The value in its lowest bytes.</summary>
    public long Bits { get; }

    /// <summary>What a tensor map is to describe; null for a word.</summary>
    public TensorBox? Box { get; }

    public static implicit operator KernelArgument(in TensorBox box) => new(0, box);

    public static implicit operator KernelArgument(nint address) => new(address);

    public static implicit operator KernelArgument(long value) => new(value);

    public static implicit operator KernelArgument(int value) => new((uint)value);

    public static implicit operator KernelArgument(float value) => new(BitConverter.SingleToUInt32Bits(value));
}
