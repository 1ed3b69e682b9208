using Litespark.Energy;
using Litespark.Energy.Clocks;
using Litespark.Energy.Clocks.Live;
using Litespark.Energy.Nvml;
using Litespark.Planning;
using Litespark.Recipes;

namespace Litespark.Training;

/// <summary>The recipe's <c>energy.clocks</c>: a clock plan that is applied while a run trains, or nothing.</summary>
internal static class LiveClocks
{
    /// <summary>What of <c>energy.clocks</c> can be refused before anything else is done; leaves the clocks of the run's GPUs automatic.</summary>
    /// <exception cref="UserErrorException">The plan is not to be had or is another device's, or clocks may not be changed here.</exception>
    public static void RequirePossible(EnergySection energy, IDevice device)
    {
        if (ReadPlan(energy, device) is not null) NvmlClockReset.Run(RecipeSettings.Energy(energy, device));
    }

    /// <summary>Begins to apply the plan; null where the recipe wants none.</summary>
    /// <param name="energy">What the recipe wants.</param>
    /// <param name="device">The device that the program was loaded into.</param>
    /// <param name="program">The program whose step is run.</param>
    /// <param name="microBatches">Micro-batches of a step.</param>
    /// <param name="watchdog">Starts the process that restores clocks if this one dies, for a device's GPUs; null for none.</param>
    /// <param name="options">The device's GPUs.</param>
    /// <exception cref="UserErrorException">The plan does not fit, or clocks may not be changed here.</exception>
    public static ClockController? Open(
        EnergySection energy, IDevice device, StepProgram program, int microBatches, Func<IReadOnlyList<string>, ClockWatchdog>? watchdog, EnergyMeterOptions options)
    {
        if (ReadPlan(energy, device) is not { } plan) return null;
        int calls = StepWork.Of(program, microBatches).Sum(part => part.Plan.Calls.Count * part.Times);
        if (calls != plan.Calls)
        {
            throw new UserErrorException(
                $"energy.clocks: {energy.Clocks} is for a step of {plan.Calls} kernel calls ({plan.Model}); this run's step has {calls}. Profile and plan with the same model, batches and passes.");
        }

        // The watchdog first: from the first change on there is no moment without it.
        ClockWatchdog? dog = watchdog?.Invoke(device.Gpus);
        IClockControl control;
        try
        {
            control = NvmlClockControl.Open(options);
        }
        catch
        {
            dog?.Dispose();
            throw;
        }

        return new ClockController(plan, control, dog);
    }

    static ClockPlan? ReadPlan(EnergySection energy, IDevice device)
    {
        if (energy.Clocks == EnergySection.ClocksOff) return null;
        if (device.Gpus.Count == 0)
        {
            throw new UserErrorException(
                $"energy.clocks: {energy.Clocks}: clocks are changed on GPUs, and this run computes on {device.HardwareName}. Right would be energy.clocks: {EnergySection.ClocksOff}, or engine.device: cuda.");
        }

        ClockPlan plan = EnergyJson.ReadPlan(energy.Clocks);
        if (plan is { Level: PlanLevel.Kernel or PlanLevel.KernelLocal, Regions.Count: > 1 })
        {
            throw new UserErrorException(
                $"energy.clocks: {energy.Clocks} is of level {plan.Level.Name()}, which takes changes to cost nothing: it says what clocks could save at best. Right would be a plan of 'energy plan --level region' (or pass, static).");
        }

        return plan.Hardware == device.HardwareName ? plan : throw new UserErrorException(
            $"energy.clocks: {energy.Clocks} is a plan for {plan.Hardware}, and this run computes on {device.HardwareName}: clocks do not transfer to other devices. Profile and plan on this one.");
    }
}
