using System.Text.Json;
using Litespark.Benchmarks.Reporting;
using Litespark.Training;

namespace Litespark.Benchmarks.Studies;

/// <summary>What trained a run, from its folder.</summary>
internal static class StudyMachine
{
    /// <summary>
    /// In the words that result pages have for a processor; empty where the folder does not tell, or tells of several. What began again from an earlier
    /// step did all later ones anew, and what began after the last one did nothing.
    /// </summary>
    public static string Read(string folder, long steps)
    {
        string path = Path.Combine(folder, MachineLog.FileName);
        if (!File.Exists(path)) return "";
        (long AfterStep, string Name)[] lines = [.. File.ReadLines(path).Where(line => line.Length > 0).Select(Parse)];
        var names = new HashSet<string>();
        long before = steps;
        foreach ((long afterStep, string name) in lines.Reverse())
        {
            if (afterStep >= before) continue;
            names.Add(name);
            before = afterStep;
        }

        return before == 0 && names.Count == 1 ? names.First() : "";
    }

    // A line that a full disk or a kill cut short says as much as none.
    static (long AfterStep, string Name) Parse(string line)
    {
        try
        {
            using JsonDocument row = JsonDocument.Parse(line);
            string hardware = row.RootElement.GetProperty("hardware").GetString()!;
            string? registers = row.RootElement.GetProperty("facts").TryGetProperty("registers", out JsonElement found) ? found.GetString() : null;
            return (row.RootElement.GetProperty("after_step").GetInt64(), registers is null ? hardware : Machine.Words(hardware, row.RootElement.GetProperty("processors").GetInt32(), registers));
        }
        catch (Exception error) when (error is JsonException or KeyNotFoundException or InvalidOperationException or FormatException)
        {
            return (long.MaxValue, "");
        }
    }
}
