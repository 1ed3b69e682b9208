using Litespark.Devices.Cuda.Driver;

namespace Litespark.Devices.Cuda;

/// <summary>
/// Pinned host memory in a few pieces that take turns, through which all data go to the GPU and back: while one piece is on its
/// way, the next is filled. Nothing waits but for a piece whose last copy is still under way.
/// </summary>
internal sealed unsafe class PinnedRing : IDisposable
{
    const int Pieces = 4;
    const int PieceBytes = 4 << 20;

    readonly ICudaDriver driver;
    readonly CudaStream stream;
    readonly PinnedMemory memory;
    readonly CudaEvent[] free = new CudaEvent[Pieces];
    readonly bool[] used = new bool[Pieces];
    int next;

    public PinnedRing(ICudaDriver driver, CudaStream stream)
    {
        (this.driver, this.stream) = (driver, stream);
        memory = new PinnedMemory(driver, (long)Pieces * PieceBytes);
        for (int i = 0; i < Pieces; i++) free[i] = new CudaEvent(driver);
    }

    /// <summary>Copies to the GPU in the stream's order. The source may change as soon as this returns.</summary>
    public void Write(nint destination, ReadOnlySpan<byte> source)
    {
        for (int start = 0; start < source.Length; start += PieceBytes)
        {
            ReadOnlySpan<byte> part = source.Slice(start, Math.Min(PieceBytes, source.Length - start));
            nint piece = Take();
            part.CopyTo(new Span<byte>((void*)piece, PieceBytes));
            driver.CopyToDevice(destination + start, piece, part.Length, stream.Value);
            GiveBack();
        }
    }

    /// <summary>Copies from the GPU once all that the stream was given before is done, and waits for it.</summary>
    public void Read(nint source, Span<byte> destination)
    {
        for (int start = 0; start < destination.Length; start += PieceBytes)
        {
            Span<byte> part = destination.Slice(start, Math.Min(PieceBytes, destination.Length - start));
            nint piece = Take();
            driver.CopyToHost(piece, source + start, part.Length, stream.Value);
            stream.Synchronize();
            new Span<byte>((void*)piece, part.Length).CopyTo(part);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (CudaEvent marker in free) marker.Dispose();
        memory.Dispose();
    }

    nint Take()
    {
        if (used[next]) driver.WaitFor(free[next].Value);
        used[next] = false;
        return memory.Value + next * PieceBytes;
    }

    void GiveBack()
    {
        driver.Record(free[next].Value, stream.Value);
        used[next] = true;
        next = (next + 1) % Pieces;
    }
}
