using System.Text.Json;
using Litespark.Energy;
using Litespark.Energy.Comparison;

namespace Litespark.Reporting;

/// <summary>
/// A run's speed and energy in windows, from its <c>metrics.jsonl</c>: tokens, joules and seconds from one step's end to the
/// next's, batches and reports between steps included. Steps whose joules are not known (another machine was not heard) make one
/// stretch with the next whose are: those hold what was used meanwhile. The first step (kernels are compiled, memory is touched) and steps
/// before which the run was evaluated or saved are left out.
/// </summary>
public static class RunEnergy
{
    /// <summary>Shortest window whose energy counts, as in <c>joules_per_token</c>.</summary>
    static readonly double leastSeconds = JoulesPerTokenWindow.Shortest.TotalSeconds;

    /// <summary>Windows that a long run is cut into.</summary>
    const int MostWindows = 10;

    readonly record struct Row(long Step, long Tokens, double StepSeconds, double? Elapsed, double? Joules, string Source);

    /// <summary>Reads a run.</summary>
    /// <param name="run">The run folder.</param>
    /// <param name="checkpointEvery">Steps between checkpoints, which happen between two rows; 0 for none.</param>
    /// <exception cref="UserErrorException">The folder has no metrics, or too few.</exception>
    public static EnergySeries Read(string run, int checkpointEvery = 0)
    {
        string path = Path.Combine(run, MetricsWriter.FileName);
        if (!File.Exists(path)) throw new UserErrorException($"{run} is no run folder: it has no {MetricsWriter.FileName}. Right would be a folder that 'litespark train' wrote.");
        (List<EnergySample> steps, string? source) = Steps(path, checkpointEvery);
        if (source is null) throw new UserErrorException($"{path}: there is no step after the first whose time and energy are known; a longer run can be compared.");
        return new EnergySeries(run, source, Windows(steps), IsImprecise: source != EnergySources.Estimate && steps.Sum(step => step.Seconds) < leastSeconds);
    }

    /// <summary>The differences between rows that follow one another, those of unknown joules passed over.</summary>
    static (List<EnergySample> Steps, string? Source) Steps(string path, int checkpointEvery)
    {
        var steps = new List<EnergySample>();
        string? source = null;
        Row? last = null, known = null; // the row before, and the stretch's first: the last before this one whose joules are known
        double ownSeconds = 0; // of the stretch's steps by themselves
        foreach (string line in File.ReadLines(path))
        {
            if (Parse(line) is not { } row)
            {
                last = known = null; // an evaluation, or a broken line
                continue;
            }

            bool isSaved = checkpointEvery > 0 && last is { } before && before.Step % checkpointEvery == 0;
            // Where the run was resumed, another process's time begins.
            if (isSaved || row.Step != last?.Step + 1 || row.Elapsed <= last?.Elapsed) known = null;
            ownSeconds += row.StepSeconds;
            last = row;
            if (row.Joules is not { } joules) continue;
            if (known is { Joules: { } joulesBefore } start && row.Source == start.Source && joules >= joulesBefore)
            {
                // Rows of older versions have the step's own time alone.
                double seconds = row.Elapsed - start.Elapsed ?? ownSeconds;
                // Where a run was resumed on another machine, the last source's rows are the run's.
                if (source != row.Source) steps.Clear();
                source = row.Source;
                if (seconds > 0) steps.Add(new EnergySample(seconds, row.Tokens - start.Tokens, joules - joulesBefore));
            }

            (known, ownSeconds) = (row, 0);
        }

        return (steps, source);
    }

    /// <summary>As many windows of equal time as are long enough.</summary>
    static List<EnergySample> Windows(List<EnergySample> steps)
    {
        double total = steps.Sum(step => step.Seconds);
        int count = (int)Math.Clamp(total / leastSeconds, 1, MostWindows);
        var windows = new EnergySample[count];
        double done = 0;
        foreach (EnergySample step in steps)
        {
            // By the step's middle, so that rounding cannot open one window too many.
            int window = Math.Min((int)((done + (step.Seconds / 2)) / total * count), count - 1);
            done += step.Seconds;
            EnergySample sum = windows[window];
            windows[window] = new EnergySample(sum.Seconds + step.Seconds, sum.Tokens + step.Tokens, sum.Joules + step.Joules);
        }

        return [.. windows.Where(window => window.Tokens > 0)];
    }

    static Row? Parse(string line)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(line);
            JsonElement root = document.RootElement;
            if (root.ValueKind != JsonValueKind.Object || root.TryGetProperty("event", out _)) return null;
            if (Number(root, "step") is not { } step || Number(root, "tokens") is not { } tokens || Number(root, "step_ms") is not { } milliseconds) return null;
            return root.TryGetProperty("energy_source", out JsonElement source) && source.GetString() is { } name ? new Row((long)step, (long)tokens, milliseconds / 1e3, Number(root, "elapsed_seconds"), Number(root, "joules"), name) : null;
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException)
        {
            return null;
        }
    }

    static double? Number(JsonElement row, string name) => row.TryGetProperty(name, out JsonElement value) && value.ValueKind == JsonValueKind.Number ? value.GetDouble() : null;
}
