using Litespark.Devices.Cpu;
using Litespark.Planning;
using Litespark.Recipes;

namespace Litespark.Training;

/// <summary>Opens the device that a recipe asks for; never another one in silence.</summary>
public static class DeviceSelection
{
    /// <summary>Opens the recipe's device.</summary>
    /// <exception cref="UserErrorException">The device or the precision is not to be had here.</exception>
    public static IDevice Open(EngineSection engine)
    {
        if (engine.Device == DeviceChoice.Cuda)
            throw new UserErrorException("engine.device: cuda: this version trains on the CPU only; use engine.device: cpu (or auto). 'litespark plan' shows what the recipe needs.");
        if (engine.Precision == Precision.Bfloat16)
            throw new UserErrorException("engine.precision: bfloat16: the CPU computes in float32; use engine.precision: float32 (or auto).");
        return new CpuDevice(engine.Threads);
    }

    /// <summary>Opens the recipe's device, or where that is not to be had, the CPU in its place: for forecasts only, which compute nothing.</summary>
    /// <param name="engine">What the recipe asks for.</param>
    /// <param name="assumption">What the CPU stands in for, to be told to the user; null where it stands in for nothing.</param>
    internal static IDevice OpenForForecast(EngineSection engine, out string? assumption)
    {
        var missing = new List<string>();
        if (engine.Device == DeviceChoice.Cuda) missing.Add("engine.device: cuda");
        if (engine.Precision == Precision.Bfloat16) missing.Add("engine.precision: bfloat16");
        assumption = missing.Count == 0 ? null
            : $"{string.Join(" and ", missing)}: not to be had here. Memory and FLOPs are those of the CPU's float32 plan, and times are this CPU's, not a GPU's.";
        return new CpuDevice(engine.Threads);
    }
}
