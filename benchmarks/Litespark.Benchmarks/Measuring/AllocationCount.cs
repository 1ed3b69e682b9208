using BenchmarkDotNet.Running;

namespace Litespark.Benchmarks.Measuring;

/// <summary>
/// The managed bytes that a benchmark allocates, to the byte and on all threads, by running it without BenchmarkDotNet around it:
/// its memory diagnoser counts some kilobytes of its own and of the runtime's finalizers to the benchmark and rounds them away over
/// many thousand operations, for which a check has no time.
/// </summary>
internal static class AllocationCount
{
    const int WarmUps = 8, Operations = 16, MostAttempts = 50;

    /// <summary>Bytes of some operations together, the least of several counts: what the runtime does now and then is no operation's.</summary>
    public static long Of(BenchmarkCase one)
    {
        object instance = Activator.CreateInstance(one.Descriptor.Type)!;
        foreach (BenchmarkDotNet.Parameters.ParameterInstance parameter in one.Parameters.Items) one.Descriptor.Type.GetProperty(parameter.Name)!.SetValue(instance, parameter.Value);
        one.Descriptor.GlobalSetupMethod?.Invoke(instance, null);
        try
        {
            return Of(one.Descriptor.WorkloadMethod.CreateDelegate<Action>(instance));
        }
        finally
        {
            one.Descriptor.GlobalCleanupMethod?.Invoke(instance, null);
        }
    }

    /// <summary>Bytes of some operations together, the least of several counts.</summary>
    public static long Of(Action operation)
    {
        for (int i = 0; i < WarmUps; i++) operation();
        long least = long.MaxValue;
        for (int attempt = 0; attempt < MostAttempts && least > 0; attempt++)
        {
            // Ever longer pauses: what runs beside ends, and workers fall asleep and are woken, which is a part of it.
            Thread.Sleep(attempt);
            long before = GC.GetTotalAllocatedBytes(precise: true);
            for (int i = 0; i < Operations; i++) operation();
            least = Math.Min(least, GC.GetTotalAllocatedBytes(precise: true) - before);
        }

        return least;
    }
}
