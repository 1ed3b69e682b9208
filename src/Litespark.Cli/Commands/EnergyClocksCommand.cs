using System.CommandLine;

namespace Litespark.Cli.Commands;

/// <summary>What <c>energy restore-clocks</c> was asked to do.</summary>
/// <param name="Gpus">Which GPUs; empty for all that CUDA shows.</param>
/// <param name="Watch">Whether to wait for the parent's death first.</param>
internal sealed record EnergyClocksOptions(IReadOnlyList<string> Gpus, bool Watch);

/// <summary><c>energy restore-clocks [--gpu ID]…</c>.</summary>
internal static class EnergyClocksCommand
{
    public static Command Create(Func<EnergyClocksOptions, CommandContext, int> handler)
    {
        var command = new HelpfulCommand("restore-clocks", "Leave the GPUs' clocks to the GPUs again, whoever bound them (as root).",
            "litespark energy restore-clocks",
            "litespark energy restore-clocks --gpu 0000:41:00.0");
        var gpus = new Option<string[]>("--gpu") { HelpName = "ID", Description = "A place on the bus, a UUID, or CUDA's number; may be repeated; without it all GPUs that CUDA shows (CUDA_VISIBLE_DEVICES)" };
        var watch = new Option<bool>("--watch") { Hidden = true, Description = "Wait on stdin for 'done' (then do nothing) or its end" };
        Option<bool> json = Options.Json();
        foreach (Option option in (Option[])[gpus, watch, json]) command.Add(option);
        command.Handle(json, (result, context) => handler(new EnergyClocksOptions(result.GetValue(gpus) ?? [], result.GetValue(watch)), context));
        return command;
    }
}
