using Litespark.Benchmarking;
using Litespark.Energy;
using Litespark.Energy.Clocks;
using Litespark.Energy.Nvml;
using Litespark.Energy.Profiles;
using Litespark.Planning;
using Litespark.Recipes;
using Litespark.Training;

namespace Litespark.Cli.Handlers;

/// <summary>A recipe's step on this machine, with its meter and, where they are taken, its clocks.</summary>
internal sealed class ProfiledMachine : IDisposable
{
    readonly IDevice device;
    readonly PlanStep step;
    readonly EnergyMeterOptions options;
    NvmlClockControl? control;

    public ProfiledMachine(LoadedRecipe recipe)
        : this(recipe, DeviceSelection.Open(recipe.Recipe.Engine), EnergyMeters.Open)
    {
    }

    /// <summary>Takes over a device and the meter that is opened for it, also where the step is refused.</summary>
    internal ProfiledMachine(LoadedRecipe recipe, IDevice device, Func<EnergyMeterOptions, IEnergyMeter> openMeter)
    {
        this.device = device;
        options = RecipeSettings.Energy(recipe.Recipe.Energy, device);
        try
        {
            Meter = openMeter(options);
            step = new PlanStep(recipe, device);
        }
        catch
        {
            Meter?.Dispose();
            device.Dispose();
            throw;
        }
    }

    public IEnergyMeter Meter { get; }

    /// <summary>Said where memory is tight; null where it is not.</summary>
    public string? Warning => step.Warning;

    /// <summary>The name of what it runs on.</summary>
    public string Hardware => device.HardwareName;

    /// <summary>Takes hold of the clocks.</summary>
    /// <exception cref="UserErrorException">There are none, or they may not be changed.</exception>
    public IClockControl TakeControl()
    {
        if (device.Gpus.Count == 0) throw new UserErrorException($"--grid: clocks are changed on GPUs (--device cuda), and this step runs on {device.HardwareName}.");
        if (control is null) NvmlClockReset.Run(options); // a process that was killed may have left its locks: they would count as automatic
        return control ??= NvmlClockControl.Open(options);
    }

    public EnergyProfiler Profiler(ProfilerSettings settings, Action<string> status, CancellationToken cancellation) => new(step, Meter, control, settings, status, cancellation);

    public void Dispose()
    {
        control?.Dispose();
        step.Dispose();
        Meter.Dispose();
        device.Dispose();
    }
}
