using System.Text.Json;
using System.Text.RegularExpressions;

namespace Litespark.Benchmarks.Studies;

/// <summary>A page that <c>study</c> wrote, whose raw lines hold all that it needs of each run: a study of many hours can be made in several sittings.</summary>
internal static partial class StudyPage
{
    /// <summary>The runs of a page.</summary>
    /// <exception cref="UserErrorException">There is no such page, or none of its lines is a run with its curve.</exception>
    public static IReadOnlyList<StudyRun> Runs(string path)
    {
        if (!File.Exists(path)) throw new UserErrorException($"--with {path}: there is no such page.");
        var runs = new List<StudyRun>();
        string processor = "";
        foreach (string line in File.ReadLines(path))
        {
            if (ProcessorOfSection().Match(line) is { Success: true } found) processor = found.Groups[1].Value;
            if (line.TrimStart().StartsWith("{\"run\"", StringComparison.Ordinal) && Parse(line, processor) is { } run) runs.Add(run);
        }

        return runs.Count > 0 ? runs : throw new UserErrorException($"--with {path}: no raw line of it is a run with its curve; pages of benchmarks/run study have them.");
    }

    // The head of a page's section: what trained the runs whose lines do not say it themselves.
    [GeneratedRegex("^date: .*; processor: ([^;]*);")]
    private static partial Regex ProcessorOfSection();

    static StudyRun? Parse(string line, string processor)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(line);
            JsonElement row = document.RootElement;
            if (!row.TryGetProperty("curve", out JsonElement curve)) return null;
            double layers = Number("flops_head_apart");
            return new StudyRun
            {
                Name = row.GetProperty("run").GetString()!,
                Steps = row.GetProperty("steps").GetInt64(),
                Tokens = row.GetProperty("tokens").GetInt64(),
                Flops = new TokenFlops(layers, Number("flops_with_head") - layers),
                ExecutedFlops = Number("executed_flops"),
                Seconds = Number("seconds"),
                Timed = !row.TryGetProperty("timed", out JsonElement timed) || timed.GetBoolean(),
                Processor = row.TryGetProperty("processor", out JsonElement own) ? own.GetString()! : processor,
                Joules = row.GetProperty("joules") is { ValueKind: JsonValueKind.Number } joules ? joules.GetDouble() : null,
                Curve = [.. curve.EnumerateArray().Select(point => new CurvePoint(point[0].GetDouble(), point[1].GetDouble(), point[2].GetDouble(), point[3].GetDouble()))],
            };

            double Number(string name) => row.GetProperty(name).GetDouble();
        }
        catch (Exception wrong) when (wrong is JsonException or KeyNotFoundException or InvalidOperationException or FormatException or IndexOutOfRangeException)
        {
            return null; // a line of something else
        }
    }
}
