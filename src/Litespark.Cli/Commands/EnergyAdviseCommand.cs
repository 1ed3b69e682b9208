using System.CommandLine;
using Litespark.Energy.Advice;

namespace Litespark.Cli.Commands;

/// <summary>What <c>energy advise</c> was asked to do.</summary>
/// <param name="Profiles">Files.</param>
/// <param name="Eta">η of Zeus's cost.</param>
/// <param name="MaxSlowdown">Slowdown that is allowed.</param>
/// <param name="Step">Distance of power limits in watts.</param>
internal sealed record EnergyAdviseOptions(IReadOnlyList<string> Profiles, double Eta, double MaxSlowdown, double Step);

/// <summary><c>energy advise PROFILE…</c>.</summary>
internal static class EnergyAdviseCommand
{
    public static Command Create(Func<EnergyAdviseOptions, CommandContext, int> handler)
    {
        var command = new HelpfulCommand("advise", "Power limits from a profile over several clocks, micro-batches from a profile of each: least energy, least time, least cost, and least energy within a slowdown.",
            "litespark energy advise profile.json --max-slowdown 1.02",
            "litespark energy advise batch-4.json batch-8.json batch-16.json --eta 0.7");
        var profiles = new Argument<string[]>("PROFILE") { Arity = ArgumentArity.OneOrMore, Description = "Files of 'litespark energy profile'" };
        Options.RefuseOptions(profiles);
        Option<double> eta = Options.Number("--eta", "FRACTION", "Weight of energy against time in the cost: 1 is energy alone, 0 time alone", 0.5, value => value is >= 0 and <= 1, "a number from 0 to 1");
        Option<double> slowdown = Options.Number("--max-slowdown", "FACTOR", "Time allowed, as a multiple of the fastest setting's", 1.05, value => value >= 1 && double.IsFinite(value), "a number, 1 or more");
        Option<double> step = Options.Number("--watt-step", "WATTS", "Distance of the power limits", PowerLimits.DefaultStep, value => value >= 1 && double.IsFinite(value), "a number of watts, 1 or more");
        Option<bool> json = Options.Json();
        command.Add(profiles);
        foreach (Option option in (Option[])[eta, slowdown, step, json]) command.Add(option);
        command.Handle(json, (result, context) => handler(new EnergyAdviseOptions(result.GetValue(profiles) ?? [], result.GetValue(eta), result.GetValue(slowdown), result.GetValue(step)), context));
        return command;
    }
}
