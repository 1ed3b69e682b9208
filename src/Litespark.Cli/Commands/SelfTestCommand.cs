using System.CommandLine;
using Litespark.SelfTesting;

namespace Litespark.Cli.Commands;

/// <summary>What <c>selftest</c> was asked to do.</summary>
/// <param name="Device">cpu, cuda or auto.</param>
/// <param name="Stages">Stages; all where there is none.</param>
/// <param name="Folder">Where results go.</param>
/// <param name="Precision">float32, bfloat16 or auto.</param>
/// <param name="Models">Models to time, as PRESET:SEQUENCE:MICRO_BATCH; empty for the usual ones.</param>
/// <param name="Peers">Folder of the peers' scripts, or null.</param>
/// <param name="Seed">Start of the random numbers; null for fresh ones.</param>
/// <param name="Cases">Names of cases, with * for anything; all where there is none.</param>
/// <param name="Minutes">Most minutes of a stage.</param>
internal sealed record SelfTestOptions(string Device, IReadOnlyList<string> Stages, string Folder, string Precision, IReadOnlyList<SelfTestModel> Models, string? Peers, int? Seed, IReadOnlyList<string> Cases, double Minutes);

/// <summary><c>selftest [--device …] [--stage NAME] --out DIR</c>.</summary>
internal static class SelfTestCommand
{
    public static Command Create(Func<SelfTestOptions, CommandContext, int> handler)
    {
        var command = new HelpfulCommand("selftest", $"Try a device in stages ({string.Join(", ", SelfTest.Stages)}): a GPU's instructions against their definitions, every kernel against the CPU's, algorithms for matrix products and tiles of attention timed and kept, memory-bound calls beside a copy, products over sparse weights and attention with patterns beside dense ones, both plans timed, PyTorch beside them, joules. Results are written as they come.",
            "litespark selftest --device cuda --out results",
            "litespark selftest --device cuda --stage probe --stage pins --stage kernels --minutes 2 --out results",
            "litespark selftest --device cuda --stage tune --model litespark-3b:4096:4 --out results",
            "litespark selftest --device cuda --stage bench --model llama-3.2-1b:4096:4 --out results");
        var device = new Option<string>("--device") { HelpName = "cpu|cuda|auto", Description = "What to try", DefaultValueFactory = _ => "auto" };
        device.AcceptOnlyFromAmong("cpu", "cuda", "auto");
        var precision = new Option<string>("--precision") { HelpName = "auto|float32|bfloat16", Description = "Element type of weights and activations", DefaultValueFactory = _ => "auto" };
        precision.AcceptOnlyFromAmong("auto", "float32", "bfloat16");
        var stage = new Option<string[]>("--stage") { HelpName = "NAME", Description = $"A stage ({string.Join(", ", SelfTest.Stages)}); may be repeated; all by default" };
        var folder = new Option<string>("--out") { HelpName = "DIR", Description = "Where results are written, a file for each stage", Required = true }.NotEmpty();
        var model = new Option<string[]>("--model") { HelpName = "PRESET:SEQUENCE:MICRO_BATCH", Description = "A model to time instead of the usual ones; may be repeated" };
        var peers = new Option<string?>("--peers") { HelpName = "DIR", Description = "Folder of the peers' scripts (benchmarks/peers)" }.NotEmpty();
        var seed = new Option<int?>("--seed") { HelpName = "N", Description = "Start of the random numbers, to repeat a failure" };
        var cases = new Option<string[]>("--case") { HelpName = "NAME", Description = "Only these cases of the pins, kernels, memory, sparse and bench stages, * for anything, such as 'attention*' or '*, litespark'; may be repeated" };
        var minutes = new Option<double>("--minutes") { HelpName = "N", Description = "Most minutes of a stage, which then ends with what it has; one more for what cannot be cut short", DefaultValueFactory = _ => 7 };
        Option<bool> json = Options.Json();
        foreach (Option option in (Option[])[device, precision, stage, folder, model, peers, seed, cases, minutes, json]) command.Add(option);
        command.Handle(json, (result, context) => handler(new SelfTestOptions(result.GetValue(device)!, result.GetValue(stage) ?? [], result.GetValue(folder)!, result.GetValue(precision)!,
            [.. (result.GetValue(model) ?? []).Select(ParseModel)], result.GetValue(peers), result.GetValue(seed), result.GetValue(cases) ?? [], result.GetValue(minutes)), context));
        return command;
    }

    static SelfTestModel ParseModel(string text)
    {
        string[] parts = text.Split(':');
        return parts.Length == 3 && int.TryParse(parts[1], out int sequence) && int.TryParse(parts[2], out int rows) && sequence > 0 && rows > 0
            ? new SelfTestModel(parts[0], sequence, rows)
            : throw new UserErrorException($"--model {text}: right would be PRESET:SEQUENCE:MICRO_BATCH, such as llama-3.2-1b:4096:4.");
    }
}
