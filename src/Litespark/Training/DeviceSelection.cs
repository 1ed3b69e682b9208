using Litespark.Devices.Cpu;
using Litespark.Devices.Cuda;
using Litespark.Devices.Cuda.Driver;
using Litespark.Devices.Cuda.Libraries;
using Litespark.Graphs;
using Litespark.Planning;
using Litespark.Recipes;

namespace Litespark.Training;

/// <summary>Opens the device that a recipe asks for; never another one in silence.</summary>
public static class DeviceSelection
{
    /// <summary>
    /// Opens the recipe's device. <c>auto</c> is a GPU that can compute, and the CPU where there is none; where there is one that lacks
    /// something, <paramref name="notice"/> is told what.
    /// </summary>
    /// <exception cref="UserErrorException">The device or the precision is not to be had here.</exception>
    public static IDevice Open(EngineSection engine, Action<string>? notice = null) => Open(engine, CudaDevice.Open, HasDriver, notice);

    /// <summary>The same with another way to open a GPU.</summary>
    internal static IDevice Open(EngineSection engine, Func<DataType, IDevice> openGpu, Func<bool> hasDriver, Action<string>? notice)
    {
        DataType precision = engine.Precision == Precision.Float32 ? DataType.Float32 : DataType.BFloat16;
        if (engine.Device == DeviceChoice.Cuda) return openGpu(precision);
        if (engine.Device == DeviceChoice.Auto && hasDriver())
        {
            try
            {
                return openGpu(precision);
            }
            catch (Exception error) when (IsAbsence(error))
            {
                notice?.Invoke($"engine.device: auto: the CPU computes, since the GPU cannot be used here. {error.Message}");
            }
        }

        if (engine.Precision == Precision.Bfloat16)
            throw new UserErrorException("engine.precision: bfloat16: the CPU computes in float32; use engine.precision: float32 (or auto).");
        return new CpuDevice(engine.Threads);
    }

    /// <summary>A recipe on the device that was opened for it, as it is saved with the run.</summary>
    public static LoadedRecipe Settle(LoadedRecipe recipe, IDevice device) => Settle(recipe, device is CudaDevice ? DeviceChoice.Cuda : DeviceChoice.Cpu);

    /// <summary>
    /// A recipe that goes on with a run: where it says auto, on the device that the run began on. Runs of versions in which auto was the CPU
    /// have it saved as it was.
    /// </summary>
    /// <param name="recipe">What the run goes on with.</param>
    /// <param name="saved">What was saved with the run.</param>
    public static LoadedRecipe Continue(LoadedRecipe recipe, Recipe saved)
        => recipe.Recipe.Engine.Device != DeviceChoice.Auto ? recipe : Settle(recipe, saved.Engine.Device == DeviceChoice.Cuda ? DeviceChoice.Cuda : DeviceChoice.Cpu);

    static LoadedRecipe Settle(LoadedRecipe recipe, DeviceChoice device) => recipe.With(recipe.Recipe with { Engine = recipe.Recipe.Engine with { Device = device } });

    /// <summary>
    /// What plans may know of the recipe's device, and a device that the forecast of times can be measured on: the recipe's own or,
    /// where that is not to be had, the CPU in its place. For forecasts only, which compute nothing.
    /// </summary>
    /// <param name="engine">What the recipe asks for.</param>
    /// <param name="profile">The recipe's device.</param>
    /// <param name="assumption">What the CPU stands in for, to be told to the user; null where it stands in for nothing.</param>
    internal static IDevice OpenForForecast(EngineSection engine, out DeviceProfile profile, out string? assumption)
    {
        if (engine.Device == DeviceChoice.Auto && engine.Precision != Precision.Bfloat16)
        {
            string? lacking = null;
            IDevice found = Open(engine, notice => lacking = notice);
            (profile, assumption) = (found.Profile, lacking);
            return found;
        }

        bool isGpu = engine.Device == DeviceChoice.Cuda || engine.Precision == Precision.Bfloat16;
        profile = isGpu ? CudaProfile.Of(engine.Precision == Precision.Float32 ? DataType.Float32 : DataType.BFloat16) : DeviceProfile.Cpu;
        if (engine.Device == DeviceChoice.Cuda && TryOpen(engine) is { } gpu)
        {
            assumption = null;
            return gpu;
        }

        string asked = engine.Device == DeviceChoice.Cuda ? "engine.device: cuda" : "engine.precision: bfloat16";
        assumption = isGpu ? $"{asked}: not to be had here. Memory and FLOPs are those of a GPU's plan, but times are this CPU's, not a GPU's." : null;
        return new CpuDevice(engine.Threads);
    }

    static bool HasDriver() => LibraryProbe.Find(NvidiaLibrary.Driver).IsFound;

    /// <summary>Whether an error means that there is no GPU to compute on: a driver that lacks a function is one too old.</summary>
    static bool IsAbsence(Exception error) => error is UserErrorException or CudaException or EntryPointNotFoundException;

    static IDevice? TryOpen(EngineSection engine)
    {
        try
        {
            return Open(engine);
        }
        catch (Exception error) when (IsAbsence(error))
        {
            return null; // not to be had here: the forecast says what it assumes
        }
    }
}
