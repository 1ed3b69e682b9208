using System.Text.Json;

namespace Litespark.Benchmarks.Studies;

/// <summary>A page that <c>study</c> wrote, whose raw lines hold all that it needs of each run: a study of many hours can be made in several sittings.</summary>
internal static class StudyPage
{
    /// <summary>The runs of a page.</summary>
    /// <exception cref="UserErrorException">There is no such page, or none of its lines is a run with its curve.</exception>
    public static IReadOnlyList<StudyRun> Runs(string path)
    {
        if (!File.Exists(path)) throw new UserErrorException($"--with {path}: there is no such page.");
        var runs = new List<StudyRun>();
        foreach (string line in File.ReadLines(path))
            if (line.TrimStart().StartsWith("{\"run\"", StringComparison.Ordinal) && Parse(line) is { } run) runs.Add(run);
        return runs.Count > 0 ? runs : throw new UserErrorException($"--with {path}: no raw line of it is a run with its curve; pages of benchmarks/run study have them.");
    }

    static StudyRun? Parse(string line)
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
