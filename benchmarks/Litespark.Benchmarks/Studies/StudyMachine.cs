using System.Text.Json;
using Litespark.Reporting;

namespace Litespark.Benchmarks.Studies;

/// <summary>What trained a run, from its folder.</summary>
internal static class StudyMachine
{
    /// <summary>In the words that result pages have for a processor; empty where the folder does not tell, or tells of several.</summary>
    /// <exception cref="UserErrorException">The file is damaged.</exception>
    public static string Read(string folder)
    {
        string path = Path.Combine(folder, MachineLog.FileName);
        if (!File.Exists(path)) return "";
        try
        {
            string[] names = [.. File.ReadLines(path).Where(line => line.Length > 0).Select(Name).Distinct()];
            return names.Length == 1 ? names[0] : "";
        }
        catch (Exception error) when (error is JsonException or KeyNotFoundException or InvalidOperationException)
        {
            throw new UserErrorException($"{path}: expected an object with hardware, processors and facts on every line. {error.Message}", error);
        }
    }

    static string Name(string line)
    {
        using JsonDocument row = JsonDocument.Parse(line);
        string hardware = row.RootElement.GetProperty("hardware").GetString()!;
        if (!row.RootElement.GetProperty("facts").TryGetProperty("registers", out JsonElement registers)) return hardware;
        return $"{hardware}, {row.RootElement.GetProperty("processors").GetInt32()} usable, {registers.GetString()!.Replace(" bits", "-bit registers", StringComparison.Ordinal)}";
    }
}
