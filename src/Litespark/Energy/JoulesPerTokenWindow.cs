using System.Diagnostics;

namespace Litespark.Energy;

/// <summary>
/// Joules per token over a trailing window, the shortest kept one of at least five seconds: counters are too coarse for
/// single steps. Allocates nothing per step.
/// </summary>
internal sealed class JoulesPerTokenWindow
{
    /// <summary>Shortest window that counts.</summary>
    public static readonly TimeSpan Shortest = TimeSpan.FromSeconds(5);

    /// <summary>Spacing of the marks that a window may start at; 128 of them span more than the shortest window.</summary>
    static readonly TimeSpan Spacing = TimeSpan.FromMilliseconds(50);

    readonly Mark[] marks = new Mark[128];
    int first;
    int count;

    readonly record struct Mark(long Timestamp, double Joules, long Tokens);

    /// <summary>Forgets everything, as where evaluation or a checkpoint interrupts the steps.</summary>
    public void Clear() => first = count = 0;

    /// <summary>Takes the state after a step.</summary>
    /// <param name="timestamp">From <see cref="Stopwatch.GetTimestamp"/>.</param>
    /// <param name="joules">Cumulative joules.</param>
    /// <param name="tokens">Cumulative tokens.</param>
    /// <returns>Joules per token; null until the window is long enough.</returns>
    public double? Add(long timestamp, double joules, long tokens)
    {
        // The latest mark that is old enough starts the window; those before it are of no more use.
        while (count > 1 && Stopwatch.GetElapsedTime(At(1).Timestamp, timestamp) >= Shortest) (first, count) = ((first + 1) % marks.Length, count - 1);
        double? result = null;
        if (count > 0)
        {
            Mark start = At(0);
            if (Stopwatch.GetElapsedTime(start.Timestamp, timestamp) >= Shortest && tokens > start.Tokens)
            {
                result = (joules - start.Joules) / (tokens - start.Tokens);
            }
        }

        bool isSpaced = count == 0 || Stopwatch.GetElapsedTime(At(count - 1).Timestamp, timestamp) >= Spacing;
        if (isSpaced && count < marks.Length) marks[(first + count++) % marks.Length] = new(timestamp, joules, tokens);
        return result;
    }

    Mark At(int index) => marks[(first + index) % marks.Length];
}
