using Litespark.Devices.Cuda.Driver;

namespace Litespark.Devices.Cuda.Launching;

/// <summary>Times pieces of work that do the same, in turns on a stream of its own, so that all see the same clock and temperature.</summary>
internal sealed class TurnTimer(ICudaDriver driver) : IDisposable
{
    const int Rounds = 5, MostRepetitions = 20;
    const float SampleMilliseconds = 0.3f; // far above an event's resolution of half a microsecond

    readonly CudaStream stream = new(driver);
    readonly CudaEvent start = new(driver), end = new(driver);

    /// <summary>Median milliseconds of each; null for those that do not run.</summary>
    /// <param name="contenders">Each puts its work into a stream and says whether it could.</param>
    public float?[] Time(IReadOnlyList<Func<nint, bool>> contenders)
    {
        var repetitions = new int[contenders.Count];
        for (int i = 0; i < contenders.Count; i++)
        {
            _ = Time(contenders[i], 1); // the first run loads the kernel
            if (Time(contenders[i], 1) is { } once) repetitions[i] = Math.Clamp((int)(SampleMilliseconds / Math.Max(once, 1e-3f)), 1, MostRepetitions);
        }

        var samples = new float[contenders.Count, Rounds];
        for (int round = 0; round < Rounds; round++)
            for (int i = 0; i < contenders.Count; i++)
                if (repetitions[i] > 0) samples[i, round] = (Time(contenders[i], repetitions[i]) ?? float.PositiveInfinity) / repetitions[i];
        return [.. repetitions.Select((times, i) => times == 0 ? null : Median(samples, i))];
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        start.Dispose();
        end.Dispose();
        stream.Dispose();
    }

    float? Time(Func<nint, bool> work, int times)
    {
        driver.Record(start.Value, stream.Value);
        for (int i = 0; i < times; i++)
            if (!work(stream.Value)) return null;
        driver.Record(end.Value, stream.Value);
        stream.Synchronize();
        return driver.Milliseconds(start.Value, end.Value);
    }

    static float? Median(float[,] samples, int row)
    {
        float median = Enumerable.Range(0, Rounds).Select(round => samples[row, round]).Order().ElementAt(Rounds / 2);
        return float.IsFinite(median) ? median : null;
    }
}
