using System.Runtime.InteropServices;

namespace Litespark;

/// <summary>Page-aligned native memory, zeroed; freed deterministically.</summary>
internal sealed unsafe class NativeBuffer : SafeHandle
{
    /// <summary>Bytes over-allocated behind the end, so that a kernel may read one whole register past the last element.</summary>
    const int Slack = 256;
    const int PageAlignment = 4096;
    const int HugePage = 2 << 20;

    /// <summary>Allocates <paramref name="bytes"/> zeroed bytes.</summary>
    /// <exception cref="OutOfMemoryException">The system has not that much memory.</exception>
    public NativeBuffer(long bytes) : base(0, ownsHandle: true)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(bytes);
        ByteLength = bytes;
        nuint size = (nuint)(bytes + Slack);
        nuint alignment = (nuint)(bytes >= HugePage ? HugePage : PageAlignment);
        void* memory = NativeMemory.AlignedAlloc(size, alignment);
        NativeMemory.Clear(memory, size);
        SetHandle((nint)memory);
    }

    /// <summary>Usable length in bytes.</summary>
    public long ByteLength { get; }

    /// <summary>First byte; valid until disposed.</summary>
    public void* Pointer => (void*)handle;

    /// <summary>The memory as floats.</summary>
    public float* Floats => (float*)handle;

    /// <inheritdoc/>
    public override bool IsInvalid => handle == 0;

    /// <inheritdoc/>
    protected override bool ReleaseHandle()
    {
        NativeMemory.AlignedFree((void*)handle);
        return true;
    }
}
