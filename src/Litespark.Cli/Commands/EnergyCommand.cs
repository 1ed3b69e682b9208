using System.CommandLine;
using Litespark.Energy.Clocks;

namespace Litespark.Cli.Commands;

/// <summary>What <c>energy profile</c> was asked to do.</summary>
/// <param name="Recipe">Whose step.</param>
/// <param name="Out">The profile's file.</param>
/// <param name="Grid">Whether to try other clocks.</param>
/// <param name="CoreStep">Distance of core clocks in MHz.</param>
/// <param name="MemoryClocks">Memory clocks in MHz; empty for all.</param>
/// <param name="WindowSeconds">Length of a window; null for what suits the meter.</param>
internal sealed record EnergyProfileOptions(RecipeSelection Recipe, string Out, bool Grid, int CoreStep, int[] MemoryClocks, double? WindowSeconds);

/// <summary>What <c>energy plan</c> was asked to do.</summary>
/// <param name="Profile">The profile's file.</param>
/// <param name="Tau">Time budget above automatic clocks, as a fraction.</param>
/// <param name="Objective">What is made small.</param>
/// <param name="Level">Which level's plan is written; null for the finest that can be applied.</param>
/// <param name="Ahead">Whether changes are begun ahead of their region.</param>
/// <param name="SwitchMs">Milliseconds of a call that changes a clock; null for what the profile says.</param>
/// <param name="SettleMs">Milliseconds until it holds; null for the profile's.</param>
/// <param name="Gpus">GPUs that change together; null for what the profile says.</param>
/// <param name="Svg">File of the picture.</param>
/// <param name="Out">File of the plan.</param>
/// <param name="Remeasure">Whether to measure the plan's points again before it is written.</param>
internal sealed record EnergyPlanOptions(
    string Profile, double Tau, PlanObjective Objective, PlanLevel? Level, bool Ahead, double? SwitchMs, double? SettleMs, int? Gpus, string? Svg, string? Out, bool Remeasure);

/// <summary><c>energy profile|plan</c>, and what else belongs to the verb.</summary>
internal static class EnergyCommand
{
    public static Command Create(Func<EnergyProfileOptions, CommandContext, int> profile, Func<EnergyPlanOptions, CommandContext, int> plan, params ReadOnlySpan<Command> others)
    {
        var command = new HelpfulCommand("energy", "Measure the energy of every kernel of a step, choose clocks that take less, and compare what was measured.",
            "litespark energy profile llama-110m --device cuda --grid --out profile.json",
            "litespark energy plan profile.json --tau 0.01 --svg frontier.svg --out plan.json",
            "litespark train llama-110m --device cuda --set energy.clocks=plan.json     as root",
            "litespark energy compare runs/baseline runs/litespark")
        {
            Profile(profile),
            Plan(plan),
        };
        foreach (Command other in others) command.Add(other);
        return command;
    }

    static HelpfulCommand Profile(Func<EnergyProfileOptions, CommandContext, int> handler)
    {
        var command = new HelpfulCommand("profile", "Run each kernel of a recipe's step by itself until time and energy are steady, and see whether their sum is the step's.",
            "litespark energy profile llama-15m --out profile.json",
            "litespark energy profile llama-110m --device cuda --grid --core-step 105 --out profile.json     other clocks need root");
        var recipe = new RecipeParameters(command);
        var file = new Option<string>("--out") { HelpName = "FILE", Required = true, Description = "Where the profile is written (JSON)" }.NotEmpty();
        var grid = new Option<bool>("--grid") { Description = "Try other clocks as well: core clocks by memory clocks (GPUs; as root)" };
        Option<int> coreStep = Options.Number("--core-step", "MHZ", "Distance of the core clocks that are tried", ClockGrid.DefaultCoreStep, value => value > 0, "a number of MHz above 0");
        var memory = new Option<int[]>("--memory-clocks") { HelpName = "MHZ", Description = "Memory clocks to try; without it all", AllowMultipleArgumentsPerToken = true };
        Option<double?> window = Options.OptionalNumber<double>("--window", "SECONDS", "Length of one window; without it what suits the meter", value => value > 0 && double.IsFinite(value), "a number of seconds above 0");
        Option<bool> json = Options.Json();
        foreach (Option option in (Option[])[file, grid, coreStep, memory, window, json]) command.Add(option);
        command.Handle(json, (result, context) => handler(
            new EnergyProfileOptions(recipe.Read(result), result.GetValue(file)!, result.GetValue(grid), result.GetValue(coreStep), result.GetValue(memory) ?? [], result.GetValue(window)), context));
        return command;
    }

    static HelpfulCommand Plan(Func<EnergyPlanOptions, CommandContext, int> handler)
    {
        var command = new HelpfulCommand("plan", "Choose clocks from a profile: what each level of choice would save, the frontier of time and energy, and a plan.",
            "litespark energy plan profile.json",
            "litespark energy plan profile.json --tau 0.01 --level region --out plan.json --svg frontier.svg",
            "litespark energy plan profile.json --switch-ms 6 --gpus 8 --objective edp");
        var profile = new Argument<string>("PROFILE") { Description = "A file of 'litespark energy profile'" }.NotEmpty();
        Options.RefuseOptions(profile);
        Option<double> tau = Options.Number("--tau", "FRACTION", "Time allowed above automatic clocks: 0.01 is one per cent", 0.01, value => value >= 0 && value <= 10, "a fraction from 0 to 10");
        var objective = new Option<string>("--objective") { HelpName = "energy|edp", Description = "Least energy within the budget, or least energy × time without one", DefaultValueFactory = _ => "energy" };
        objective.AcceptOnlyFromAmong("energy", "edp");
        var level = new Option<string?>("--level") { HelpName = string.Join('|', PlanLevels.Names), Description = "Whose plan is written; without it region where the cost of changes is known, else static" };
        level.AcceptOnlyFromAmong([.. PlanLevels.Names]);
        var ahead = new Option<bool>("--ahead") { Description = "Take changes to happen while kernels run on, begun ahead of their region; without it the step waits for each" };
        Option<double?> switchMs = Options.OptionalNumber<double>("--switch-ms", "MS", "Time of one call that changes a clock; without it what the profile says", value => value >= 0 && double.IsFinite(value), "a number of milliseconds, 0 or more");
        Option<double?> settleMs = Options.OptionalNumber<double>("--settle-ms", "MS", "Time until a changed clock holds; without it what the profile says", value => value >= 0 && double.IsFinite(value), "a number of milliseconds, 0 or more");
        Option<int?> gpus = Options.OptionalNumber<int>("--gpus", "N", "GPUs whose clocks change together, one call after another; without it what the profile says", value => value >= 1, "1 or more");
        var svg = new Option<string?>("--svg") { HelpName = "FILE", Description = "Draw the frontier" }.NotEmpty();
        var file = new Option<string?>("--out") { HelpName = "FILE", Description = "Where the plan is written (JSON)" }.NotEmpty();
        var remeasure = new Option<bool>("--remeasure") { Description = "Measure the plan's points again on this machine before it is written; a plan that does not hold is refused" };
        Option<bool> json = Options.Json();
        command.Add(profile);
        foreach (Option option in (Option[])[tau, objective, level, ahead, switchMs, settleMs, gpus, svg, file, remeasure, json]) command.Add(option);
        command.Handle(json, (result, context) => handler(
            new EnergyPlanOptions(
                result.GetValue(profile)!, result.GetValue(tau), result.GetValue(objective) == "edp" ? PlanObjective.EnergyDelay : PlanObjective.Energy,
                result.GetValue(level) is { } name ? PlanLevels.Find(name) : null, result.GetValue(ahead), result.GetValue(switchMs), result.GetValue(settleMs), result.GetValue(gpus),
                result.GetValue(svg), result.GetValue(file), result.GetValue(remeasure)), context));
        return command;
    }
}
