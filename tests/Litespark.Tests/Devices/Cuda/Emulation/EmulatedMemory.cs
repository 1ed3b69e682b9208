using System.Runtime.InteropServices;
using Litespark.Devices.Cuda.Driver;

namespace Litespark.Tests.Devices.Cuda.Emulation;

/// <summary>
/// Allocations of one kind of memory. Each starts full of not-a-numbers (bytes 0xFF: also −1 as an integer) and lies between two
/// guards that must be the same when they are checked. Guards hold signalling not-a-numbers: whoever adds to one changes it. Not thread-safe.
/// </summary>
internal sealed unsafe class EmulatedMemory(string kind) : IDisposable
{
    const int Alignment = 256, Guard = 4096;
    const byte Poison = 0xFF;

    /// <summary>As bf16, and twice as fp32, a signalling not-a-number.</summary>
    const ushort GuardWord = 0x7FA0;

    readonly SortedList<nint, long> allocations = [];
    Range[] ranges = [];

    /// <summary>An address range of an allocation, as the emulator's C++ has it.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public readonly record struct Range(nint First, nint End);

    /// <summary>Bytes allocated.</summary>
    public long Bytes { get; private set; }

    /// <summary>All allocations in order of address.</summary>
    public ReadOnlySpan<Range> Ranges => ranges;

    /// <summary>Allocates.</summary>
    public nint Allocate(long bytes)
    {
        if (bytes <= 0) throw new CudaException($"{kind} memory: an allocation of {bytes} bytes");
        long whole = Whole(bytes);
        byte* memory = (byte*)NativeMemory.AlignedAlloc((nuint)whole, Alignment);
        nint address = (nint)(memory + Guard);
        new Span<ushort>(memory, checked((int)(whole / sizeof(ushort)))).Fill(GuardWord);
        NativeMemory.Fill((void*)address, (nuint)bytes, Poison);
        allocations.Add(address, bytes);
        Bytes += bytes;
        Renew();
        return address;
    }

    /// <summary>Checks the guards and frees.</summary>
    public void Free(nint address)
    {
        if (!allocations.TryGetValue(address, out long bytes)) throw new CudaException($"{kind} memory: {address:x} is freed but not allocated (freed twice?)");
        string? problem = Problem(address, bytes);
        allocations.Remove(address);
        Bytes -= bytes;
        Renew();
        NativeMemory.Fill((void*)address, (nuint)bytes, Poison);
        NativeMemory.AlignedFree((void*)(address - Guard));
        if (problem is not null) throw new CudaException(problem);
    }

    /// <summary>Throws where something was written outside of an allocation.</summary>
    public void CheckGuards()
    {
        // By index: an enumerator of a sorted list is an allocation, and a recorded step must make none.
        for (int i = 0; i < allocations.Count; i++)
            if (Problem(allocations.GetKeyAtIndex(i), allocations.GetValueAtIndex(i)) is { } problem)
                throw new CudaException(problem);
    }

    /// <summary>Throws unless a piece of memory lies within one allocation.</summary>
    public void Check(nint address, long bytes, string what)
    {
        int low = 0, high = ranges.Length;
        while (low < high)
        {
            int middle = (low + high) / 2;
            if (ranges[middle].End <= address) low = middle + 1;
            else high = middle;
        }

        if (bytes < 0 || low == ranges.Length || ranges[low].First > address || ranges[low].End < address + bytes)
            throw new CudaException($"{what}: {bytes} bytes at {address:x} are not within one allocation of {kind} memory");
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (nint address in allocations.Keys) NativeMemory.AlignedFree((void*)(address - Guard));
        allocations.Clear();
        Renew();
    }

    static long Whole(long bytes) => (bytes + Alignment - 1) / Alignment * Alignment + 2 * Guard;

    void Renew() => ranges = [.. allocations.Select(pair => new Range(pair.Key, pair.Key + (nint)pair.Value))];

    string? Problem(nint address, long bytes)
    {
        long end = (bytes + 1) / sizeof(ushort) * sizeof(ushort);
        var before = new ReadOnlySpan<ushort>((void*)(address - Guard), Guard / sizeof(ushort));
        var behind = new ReadOnlySpan<ushort>((void*)(address + (nint)end), checked((int)(Whole(bytes) - Guard - end) / sizeof(ushort)));
        int first = behind.IndexOfAnyExcept(GuardWord), last = before.LastIndexOfAnyExcept(GuardWord);
        return first >= 0 ? $"{kind} memory: something was written {sizeof(ushort) * first} bytes behind an allocation of {bytes} bytes"
            : last >= 0 ? $"{kind} memory: something was written {Guard - sizeof(ushort) * last} bytes before an allocation of {bytes} bytes"
            : null;
    }
}
