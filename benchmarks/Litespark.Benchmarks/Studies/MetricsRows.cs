using System.Text.Json;

namespace Litespark.Benchmarks.Studies;

/// <summary>What a study reads of a step's row.</summary>
internal readonly record struct StepRow(long Step, long Tokens, double Milliseconds, double Density, double AttentionShare, double Flops, double? Joules, string? EnergySource);

/// <summary>What a study reads of a row about new masks, which hold from the next step on.</summary>
internal sealed record TopologyRow(double Density, IReadOnlyDictionary<string, double> Layers);

/// <summary>A run's <c>metrics.jsonl</c>.</summary>
internal sealed class MetricsRows
{
    public List<StepRow> Steps { get; } = [];

    /// <summary>New masks by the step that made them.</summary>
    public Dictionary<long, TopologyRow> Topologies { get; } = [];

    /// <summary>Loss on held-out text by the steps done before it.</summary>
    public Dictionary<long, double> Losses { get; } = [];

    /// <summary>Reads a file.</summary>
    /// <exception cref="UserErrorException">A line is no row.</exception>
    public static MetricsRows Read(string path)
    {
        var rows = new MetricsRows();
        int number = 0;
        foreach (string line in File.ReadLines(path))
        {
            number++;
            try
            {
                using JsonDocument row = JsonDocument.Parse(line);
                rows.Add(row.RootElement);
            }
            catch (Exception wrong) when (wrong is JsonException or KeyNotFoundException or InvalidOperationException or FormatException)
            {
                throw new UserErrorException($"{path}:{number}: this is no row of metrics ({wrong.Message}); a run that was cut short is mended by resuming it.", wrong);
            }
        }

        return rows;
    }

    void Add(JsonElement row)
    {
        long step = row.GetProperty("step").GetInt64();
        string? kind = row.TryGetProperty("event", out JsonElement name) ? name.GetString() : null;
        if (kind == "eval") Losses[step] = row.GetProperty("eval_loss").GetDouble();
        else if (kind == "topology") Topologies[step] = new TopologyRow(row.GetProperty("density").GetDouble(), row.GetProperty("layers").EnumerateObject().ToDictionary(layer => layer.Name, layer => layer.Value.GetDouble()));
        else if (kind is null) Steps.Add(new StepRow(step, row.GetProperty("tokens").GetInt64(), row.GetProperty("step_ms").GetDouble(), row.GetProperty("density").GetDouble(),
            row.GetProperty("attention_share").GetDouble(), row.GetProperty("flops").GetDouble(), row.GetProperty("joules") is { ValueKind: JsonValueKind.Number } joules ? joules.GetDouble() : null, row.GetProperty("energy_source").GetString()));
    }
}
