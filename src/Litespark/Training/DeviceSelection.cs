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
            throw new UserErrorException("engine.device: cuda: this version trains on the CPU only; use engine.device: cpu (or auto).");
        if (engine.Precision == Precision.Bfloat16)
            throw new UserErrorException("engine.precision: bfloat16: the CPU computes in float32; use engine.precision: float32 (or auto).");
        return new CpuDevice(engine.Threads);
    }
}
