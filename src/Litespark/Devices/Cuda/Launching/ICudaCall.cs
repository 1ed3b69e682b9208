namespace Litespark.Devices.Cuda.Launching;

/// <summary>One call of a plan, bound to its operands: puts its work into a stream. Allocates no managed memory, waits for nothing, can be captured.</summary>
internal interface ICudaCall : IDisposable
{
    /// <summary>Puts the work into a stream.</summary>
    void Enqueue(nint stream);

    /// <summary>The library that does the work, as calls stand now; null where our own kernels do.</summary>
    string? Library => null;
}

/// <summary>Several calls that make up one, in order.</summary>
internal sealed class CallSequence(params ICudaCall[] calls) : ICudaCall
{
    /// <inheritdoc/>
    public string? Library => calls.Select(call => call.Library).FirstOrDefault(library => library is not null);

    /// <inheritdoc/>
    public void Enqueue(nint stream)
    {
        foreach (ICudaCall call in calls) call.Enqueue(stream);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (ICudaCall call in calls) call.Dispose();
    }
}
