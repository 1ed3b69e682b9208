namespace Litespark.Training;

/// <summary>Memory that several threads share: who wants more than is left waits until others have given back. What is larger than all of it waits until it is alone.</summary>
/// <param name="bytes">All of it.</param>
internal sealed class Budget(long bytes)
{
    readonly object changed = new();
    readonly long whole = bytes;
    long left = bytes;

    /// <summary>Takes some, until the share is disposed.</summary>
    public Share Take(long wanted)
    {
        wanted = Math.Min(wanted, whole);
        lock (changed)
        {
            while (left < wanted) Monitor.Wait(changed);
            left -= wanted;
        }

        return new Share(this, wanted);
    }

    void GiveBack(long taken)
    {
        lock (changed)
        {
            left += taken;
            Monitor.PulseAll(changed);
        }
    }

    /// <summary>What was taken.</summary>
    public readonly struct Share(Budget budget, long taken) : IDisposable
    {
        /// <summary>Gives it back.</summary>
        public void Dispose() => budget.GiveBack(taken);
    }
}
