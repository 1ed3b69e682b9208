using System.Text.Json;
using Litespark.Benchmarking;
using Litespark.Energy.Comparison;

namespace Litespark.Tests.Benchmarking;

public class BenchmarkJsonTests
{
    static readonly PlanFigures Precise = new()
    {
        TokensPerSecond = 100, StepMs = 10, PeakMemoryBytes = 1, ResidentBytes = 1, Mfu = 0.5, Hfu = 0.5, AllocatedBytesPerStep = 0, Steps = 3,
    };

    [Fact]
    public void Energy_of_turns_too_short_for_the_meter_is_not_given()
    {
        EnergySample[] samples = [new(10, 1000, 250)];
        var report = new BenchmarkReport
        {
            Machine = "m", Threads = 1, PeakFlops = 1e12, Model = "m", Parameters = 1, MicroBatch = 1, SequenceLength = 1, Energy = new EnergyComparison(new EnergySeries("baseline", "nvml", samples), new EnergySeries("litespark", "nvml", samples, IsImprecise: true)),
            Baseline = Precise, Litespark = Precise, Passes = [], Kernels = [],
        };
        var buffer = new MemoryStream();
        using (var writer = new Utf8JsonWriter(buffer))
        {
            writer.WriteStartObject();
            BenchmarkJson.WriteMembers(writer, report);
            writer.WriteEndObject();
        }

        using JsonDocument json = JsonDocument.Parse(buffer.ToArray());
        JsonElement plans = json.RootElement.GetProperty("plans");
        Assert.Equal(0.25, plans.GetProperty("baseline").GetProperty("joules_per_token").GetDouble());
        Assert.Equal(JsonValueKind.Null, plans.GetProperty("litespark").GetProperty("joules_per_token").ValueKind);
    }
}
