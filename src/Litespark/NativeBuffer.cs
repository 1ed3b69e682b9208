using System.Runtime.InteropServices;

namespace Litespark;

/// <summary>Page-aligned native memory; freed deterministically.</summary>
internal sealed unsafe partial class NativeBuffer : SafeHandle
{
    /// <summary>Bytes over-allocated behind the end, so that a kernel may read one whole register past the last element.</summary>
    const int Slack = 256;
    const int PageAlignment = 4096;
    const int HugePage = 2 << 20;

    /// <summary>Allocates <paramref name="bytes"/> zeroed bytes.</summary>
    /// <exception cref="OutOfMemoryException">The system has not that much memory.</exception>
    public NativeBuffer(long bytes) : this(bytes, zeroed: true)
    {
    }

    /// <summary>
    /// Allocates memory. What is not zeroed belongs to no memory node yet: each page goes to that of the thread that touches it first.
    /// </summary>
    /// <param name="bytes">Length.</param>
    /// <param name="zeroed">Whether the contents are zeros or undefined.</param>
    /// <exception cref="OutOfMemoryException">The system has not that much memory.</exception>
    public NativeBuffer(long bytes, bool zeroed) : base(0, ownsHandle: true)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(bytes);
        ByteLength = bytes;
        nuint size = (nuint)(bytes + Slack);
        nuint alignment = (nuint)(bytes >= HugePage ? HugePage : PageAlignment);
        void* memory = NativeMemory.AlignedAlloc(size, alignment);
        if (bytes >= HugePage) AskForHugePages(memory, size);
        if (zeroed) NativeMemory.Clear(memory, size);
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

    /// <summary>Fewer, larger pages: kernels that walk many rows at once then find their addresses without a walk through page tables. A hint; Linux alone takes it.</summary>
    static void AskForHugePages(void* memory, nuint size)
    {
        const int Advice = 14; // MADV_HUGEPAGE
        if (OperatingSystem.IsLinux()) _ = AdviseMemory(memory, size, Advice);
    }

    [LibraryImport("libc", EntryPoint = "madvise")]
    private static partial int AdviseMemory(void* address, nuint length, int advice);

    /// <inheritdoc/>
    protected override bool ReleaseHandle()
    {
        NativeMemory.AlignedFree((void*)handle);
        return true;
    }
}
