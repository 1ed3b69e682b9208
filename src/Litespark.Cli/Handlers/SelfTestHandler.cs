using System.Diagnostics;
using Litespark.Cli.Commands;
using Litespark.Devices.Cpu;
using Litespark.Planning;
using Litespark.Recipes;
using Litespark.SelfTesting;
using Litespark.Training;

namespace Litespark.Cli.Handlers;

/// <summary>Carries out <c>litespark selftest</c>.</summary>
internal static class SelfTestHandler
{
    public static int Run(SelfTestOptions options, CommandContext context)
    {
        using IDevice device = DeviceSelection.Open(new EngineSection
        {
            Device = options.Device switch { "cpu" => DeviceChoice.Cpu, "cuda" => DeviceChoice.Cuda, _ => DeviceChoice.Auto },
            Precision = options.Precision switch { "float32" => Precision.Float32, "bfloat16" => Precision.Bfloat16, _ => Precision.Auto },
        }, context.Progress.WriteLine);
        using var reference = new CpuDevice();
        if (!(options.Minutes > 0 && options.Minutes <= 24 * 60)) throw new UserErrorException($"--minutes {options.Minutes}: right would be a number above 0, such as 7.");
        var settings = new SelfTestSettings { Folder = options.Folder, Peers = options.Peers ?? FindPeers(), Cases = options.Cases, StageBudget = TimeSpan.FromMinutes(options.Minutes), Overdue = Overdue };
        if (options.Models.Count > 0) settings = settings with { Models = options.Models, SparseModels = options.Models };
        if (options.Seed is { } seed) settings = settings with { Seed = seed };
        if (device.FreeMemory is null) settings = settings with { SparseAttentions = SelfTestSettings.ProcessorAttentions };
        if (options.Models.Count == 0 && device.FreeMemory is null) settings = settings with { Models = SelfTestSettings.ProcessorModels, SparseModels = SelfTestSettings.ProcessorModels };
        var test = new SelfTest(device, reference, settings, context.Progress.WriteLine, context.StopRequested);
        IReadOnlyList<StageOutcome> outcomes = test.Run(options.Stages);
        foreach (StageOutcome outcome in outcomes)
        {
            context.Out.WriteLine($"{outcome.Stage,-8} {outcome.Passed,5} passed {outcome.Failed,4} failed  {outcome.Seconds,6:0.0} s  {outcome.File}");
            if (outcome.LeftOut is { } why) context.Out.WriteLine($"         left out: {why}");
        }

        context.Result(writer =>
        {
            writer.WriteStartArray("stages");
            foreach (StageOutcome outcome in outcomes)
            {
                writer.WriteStartObject();
                writer.WriteString("stage", outcome.Stage);
                writer.WriteNumber("passed", outcome.Passed);
                writer.WriteNumber("failed", outcome.Failed);
                writer.WriteString("left_out", outcome.LeftOut);
                writer.WriteString("file", outcome.File);
                writer.WriteNumber("seconds", outcome.Seconds);
                writer.WriteEndObject();
            }

            writer.WriteEndArray();
        });
        return outcomes.Any(outcome => outcome.Failed > 0) ? ExitCodes.Failed : ExitCodes.Done;
    }

    /// <summary>Ends the process where a stage does not end: results are on the disk line by line. Nothing is released, as what hangs may hold it.</summary>
    static void Overdue(string stage, string file)
    {
        Console.Error.WriteLine($"{stage}: it does not end, and the process is killed; what it had found is in {file}");
        Process.GetCurrentProcess().Kill();
    }

    /// <summary>The scripts of the checkout that the program was started in, if it was.</summary>
    static string? FindPeers()
    {
        string folder = Path.Combine("benchmarks", "peers");
        return Directory.Exists(folder) ? folder : null;
    }
}
