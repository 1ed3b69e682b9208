using Litespark.Planning;
using Litespark.Recipes;

namespace Litespark.Training;

/// <summary>
/// Stops a program that cannot fit before it is loaded: systems hand out more memory than they have, and kill the process
/// without a word once it is used.
/// </summary>
internal static class MemoryGuard
{
    /// <summary>Share of the free memory above which a program is warned of: the process needs some besides.</summary>
    const double Comfortable = 0.9;

    /// <summary>Checks a program against the memory that the device computes in: its own, or this machine's.</summary>
    /// <param name="device">The device; what is loaded into it already counts as taken.</param>
    /// <param name="recipe">Where the program comes from, for what would help.</param>
    /// <param name="memory">The program's memory.</param>
    /// <param name="what">Beginning of the message, up to the figure.</param>
    /// <returns>A warning where it is tight; else null.</returns>
    /// <exception cref="UserErrorException">It certainly cannot fit.</exception>
    public static string? Check(IDevice device, Recipe recipe, MemoryForecast memory, string what = "The program needs")
    {
        if (device.FreeMemory is not { } free) return Check(recipe, memory, what, MachineMemory.Available, MachineMemory.Ceiling);
        // A GPU has no swap space, and nobody ends a program for it: what fits is fine.
        return RecipePlan.Shortage(recipe, memory, free, what, $" on {device.HardwareName}") is { } impossible ? throw new UserErrorException(impossible) : null;
    }

    /// <inheritdoc cref="Check(IDevice, Recipe, MemoryForecast, string)"/>
    /// <param name="recipe">Where the program comes from, for what would help.</param>
    /// <param name="memory">The program's memory.</param>
    /// <param name="what">Beginning of the message, up to the figure.</param>
    /// <param name="available">Bytes to be had now, without swapping.</param>
    /// <param name="ceiling">Bytes that cannot be exceeded, with all swap space; null where it is not known.</param>
    internal static string? Check(Recipe recipe, MemoryForecast memory, string what, long available, long? ceiling)
    {
        if (ceiling is { } most && RecipePlan.Shortage(recipe, memory, most, what) is { } impossible) throw new UserErrorException(impossible);
        if (RecipePlan.Shortage(recipe, memory, available, what) is { } swapping) return swapping;
        return memory.Total > Comfortable * available
            ? $"{what} {RecipePlan.Gigabytes(memory.Total)} of the {RecipePlan.Gigabytes(available)} that are free: should other programs need more, the system may end this one."
            : null;
    }
}
