using System.Text.Json;
using Litespark.Energy;
using Litespark.Energy.Comparison;

namespace Litespark.Reporting;

/// <summary>
/// A run's speed and energy in windows, from its <c>metrics.jsonl</c>: tokens, joules and seconds from one step's end to the
/// next's, batches and reports between steps included. The first step (kernels are compiled, memory is touched) and steps
/// before which the run was evaluated or saved are left out.
/// </summary>
public static class RunEnergy
{
    /// <summary>Shortest window whose energy counts, as in <c>joules_per_token</c>.</summary>
    static readonly double leastSeconds = JoulesPerTokenWindow.Shortest.TotalSeconds;

    /// <summary>Windows that a long run is cut into.</summary>
    const int MostWindows = 10;

    readonly record struct Row(long Step, long Tokens, double StepSeconds, double? Elapsed, double Joules, string Source)
    {
        /// <summary>Time between the reads of the joules of two rows; rows of older versions have the step's own time alone.</summary>
        public double SecondsSince(Row previous) => Elapsed - previous.Elapsed ?? StepSeconds;
    }

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

    /// <summary>The differences between rows that follow one another.</summary>
    static (List<EnergySample> Steps, string? Source) Steps(string path, int checkpointEvery)
    {
        var steps = new List<EnergySample>();
        string? source = null;
        Row? last = null;
        foreach (string line in File.ReadLines(path))
        {
            if (Parse(line) is not { } row)
            {
                last = null; // an evaluation, or a broken line
                continue;
            }

            bool isSaved = checkpointEvery > 0 && last is { } before && before.Step % checkpointEvery == 0;
            // Where the run was resumed, another process's time begins.
            if (last is { } previous && !isSaved && row.Step == previous.Step + 1 && row.Source == previous.Source && row.Joules >= previous.Joules && row.SecondsSince(previous) > 0)
            {
                // Where a run was resumed on another machine, the last source's rows are the run's.
                if (source != row.Source) steps.Clear();
                source = row.Source;
                steps.Add(new EnergySample(row.SecondsSince(previous), row.Tokens - previous.Tokens, row.Joules - previous.Joules));
            }

            last = row;
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
            if (Number(root, "step") is not { } step || Number(root, "tokens") is not { } tokens || Number(root, "step_ms") is not { } milliseconds || Number(root, "joules") is not { } joules) return null;
            return root.TryGetProperty("energy_source", out JsonElement source) && source.GetString() is { } name ? new Row((long)step, (long)tokens, milliseconds / 1e3, Number(root, "elapsed_seconds"), joules, name) : null;
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException)
        {
            return null;
        }
    }

    static double? Number(JsonElement row, string name) => row.TryGetProperty(name, out JsonElement value) && value.ValueKind == JsonValueKind.Number ? value.GetDouble() : null;
}
