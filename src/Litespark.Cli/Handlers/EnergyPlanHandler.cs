using Litespark.Cli.Commands;
using Litespark.Cli.Progress;
using Litespark.Energy;
using Litespark.Energy.Clocks;
using Litespark.Energy.Profiles;
using Litespark.Recipes;

namespace Litespark.Cli.Handlers;

/// <summary>Carries out <c>litespark energy plan</c>.</summary>
internal static class EnergyPlanHandler
{
    static readonly double[] taus = [0, 0.005, 0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3];

    public static int Run(EnergyPlanOptions options, CommandContext context)
    {
        EnergyProfile profile = EnergyJson.ReadProfile(options.Profile);
        foreach (string? file in (string?[])[options.Out, options.Svg])
            if (file is not null) EnergyJson.RequireWritable(file);
        ClockSwitching? switching = Switching(options, profile);
        var planner = new ClockPlanner(profile, switching, options.Ahead);
        ClockPlan Search(ClockPlanner with, PlanLevel level) => options.Objective == PlanObjective.Energy ? with.MinimizeEnergy(level, options.Tau) : with.MinimizeEnergyDelay(level);
        ClockPlan[] plans = [.. planner.Levels.Select(level => Search(planner, level))];
        FrontierPoint[] frontier = [.. planner.Levels.SelectMany(level => planner.Frontier(level, taus))];
        Print(context.Out, profile, planner, plans, options);
        PrintFrontier(context.Out, planner, frontier);

        PlanLevel chosen = options.Level ?? planner.Levels.Where(level => level is PlanLevel.Region or PlanLevel.Static).Last();
        ClockPlan plan = plans.FirstOrDefault(plan => plan.Level == chosen) ?? Search(planner, chosen);
        if (options.Remeasure) plan = Remeasure(profile, with => Search(with, chosen), switching, options.Ahead, context);
        string verdict = Verdict(plan);
        context.Out.WriteLine($"  {verdict}");
        bool isRefused = plan.Remeasured is { } again && !again.Confirms(plan);
        if (options.Out is { } written && !isRefused)
        {
            EnergyJson.Write(written, plan);
            context.Out.WriteLine($"  The plan of level {chosen.Name()} is in {written}.");
        }

        if (options.Svg is { } picture) File.WriteAllText(picture, FrontierSvg.Draw($"{profile.Subject.Model} on {profile.Device.Hardware}", planner.Automatic, frontier));
        context.Result(writer => EnergyReports.Write(writer, planner, plans, frontier, plan, isRefused ? null : options.Out));
        return isRefused ? ExitCodes.Failed : ExitCodes.Done;
    }

    /// <summary>What the profile says, unless the command line says otherwise.</summary>
    static ClockSwitching? Switching(EnergyPlanOptions options, EnergyProfile profile)
    {
        if (options.SwitchMs is null && profile.Switching is null)
        {
            return options.SettleMs is null ? null : throw new UserErrorException("--settle-ms: the profile does not say what a change of clocks takes; right would be --switch-ms beside it.");
        }

        ClockSwitching known = profile.Switching ?? new ClockSwitching(0, 0, profile.KernelJoules / profile.KernelSeconds ?? 0, 1);
        return known with { CallSeconds = options.SwitchMs / 1e3 ?? known.CallSeconds, SettleSeconds = options.SettleMs / 1e3 ?? known.SettleSeconds, Gpus = options.Gpus ?? known.Gpus };
    }

    static ClockPlan Remeasure(EnergyProfile profile, Func<ClockPlanner, ClockPlan> search, ClockSwitching? switching, bool ahead, CommandContext context)
    {
        using var machine = new ProfiledMachine(RecipeLoader.Load(profile.Subject.Recipe, "the profile's recipe"));
        if (machine.Hardware != profile.Device.Hardware)
            throw new UserErrorException($"The profile is of {profile.Device.Hardware}, and this is {machine.Hardware}: clocks do not transfer. 'litespark energy profile' here makes one of its own.");
        if (profile.Clocks.Count > 1) machine.TakeControl();
        EnergyProfiler profiler = machine.Profiler(ProfilerSettings.For(machine.Meter), context.Progress.WriteLine, context.StopRequested);
        return PlanRemeasurement.Run(
            profile, search, (kernel, clocks) =>
            {
                context.Progress.WriteLine($"again: kernel {kernel + 1}, {profile.Kernels[kernel].Kernel.Name}, clocks {clocks}");
                return profiler.Measure(kernel, clocks);
            }, switching, ahead);
    }

    static string Verdict(ClockPlan plan)
    {
        if (plan.Remeasured is not { } again) return "These figures were searched for among measurements, so they are a little better than what will come; --remeasure measures them again.";
        string figures = $"Measured again: energy {again.Planned.JoulesOver(again.Automatic):+0.0 %;-0.0 %}, time {again.Planned.SecondsOver(again.Automatic):+0.0 %;-0.0 %} (searched {plan.Predicted.JoulesOver(plan.Automatic):+0.0 %;-0.0 %})";
        return again.Confirms(plan) ? figures + ": accepted." : figures + ": refused, nothing is written.";
    }

    static void Print(TextWriter output, EnergyProfile profile, ClockPlanner planner, ClockPlan[] plans, EnergyPlanOptions options)
    {
        output.WriteLine($"{profile.Subject.Model} on {profile.Device.Hardware}; a step at automatic clocks: {planner.Automatic.Seconds * 1e3:N1} ms, {planner.Automatic.Joules:N2} J (the kernels' sum, {profile.Device.EnergySource})");
        output.WriteLine(options.Objective == PlanObjective.Energy ? $"Least energy in at most {options.Tau:0.##%} more time:" : "Least energy × time:");
        output.WriteLine();
        var table = new TextTable("level", "time", "energy", "changes a step", "time, if changes wait", "energy", "at best");
        foreach (ClockPlan plan in plans)
        {
            StepCost? real = planner.WithChanges(plan);
            double best = options.Objective == PlanObjective.Energy ? plan.LowerBound / plan.Predicted.Joules : plan.LowerBound / plan.Predicted.EnergyDelay;
            table.Add(plan.Level.Name(), Change(plan.Predicted.SecondsOver(planner.Automatic)), Change(plan.Predicted.JoulesOver(planner.Automatic)), $"{EnergyReports.Changes(plan)}",
                real is { } r ? Change(r.SecondsOver(planner.Automatic)) : "?", real is { } s ? Change(s.JoulesOver(planner.Automatic)) : "?", best > 1 - 1e-9 ? "optimal" : $"{best - 1:0.00 %} more");
        }

        table.Write(output);
        output.WriteLine(planner.Switching is { } switching
            ? $"  A change of one clock takes {switching.Seconds(1) * 1e3:0.###} ms on {switching.Gpus} GPU(s); region {(planner.ChangesAhead ? "begins them ahead, while kernels run on" : "waits for each")}. kernel is what changes for nothing would save."
            : "  What a change of clocks costs is not known here (--switch-ms), so that only static is sure to pay.");
    }

    static void PrintFrontier(TextWriter output, ClockPlanner planner, FrontierPoint[] frontier)
    {
        output.WriteLine();
        PlanLevel[] levels = [.. planner.Levels];
        var table = new TextTable(["time budget", .. levels.Select(level => level.Name())]);
        foreach (double tau in taus)
            table.Add([$"+{tau:0.#%}", .. levels.Select(level => Change(frontier.First(point => point.Level == level && point.Tau == tau).Cost.JoulesOver(planner.Automatic)))]);
        table.Write(output);
        output.WriteLine();
    }

    static string Change(double fraction) => $"{fraction:+0.00 %;-0.00 %;0.00 %}";
}
