using Litespark.Devices.Cuda;
using Litespark.Graphs;
using Litespark.Planning;
using Litespark.Recipes;
using Litespark.Tests.Devices.Cuda.Emulation;
using Litespark.Training;

namespace Litespark.Tests.Training;

public class MemoryGuardTests
{
    const long Gigabyte = 1_000_000_000;

    static readonly Recipe Recipe = new();

    /// <summary>10 GB, 4 of them fixed by the model.</summary>
    static readonly MemoryForecast Ten = new(Gigabyte, Gigabyte, 2 * Gigabyte, 5 * Gigabyte, Gigabyte, 10 * Gigabyte);

    static string? Check(long available, long? ceiling) => MemoryGuard.Check(Recipe, Ten, "It needs", available * Gigabyte, ceiling * Gigabyte);

    [Fact]
    public void What_certainly_cannot_fit_is_refused_with_what_helps()
    {
        string message = Assert.Throws<UserErrorException>(() => Check(available: 6, ceiling: 9)).Message;
        Assert.StartsWith("It needs 10.0 GB, and 9.0 GB are free.", message);
        Assert.Contains("training.micro_batch_size", message);
        Assert.Contains("only a smaller model", Assert.Throws<UserErrorException>(() => Check(available: 3, ceiling: 3)).Message);
    }

    [Fact]
    public void What_fits_with_swap_space_or_where_the_limit_is_not_known_is_warned_of()
    {
        Assert.StartsWith("It needs 10.0 GB, and 6.0 GB are free.", Check(available: 6, ceiling: 10));
        Assert.StartsWith("It needs 10.0 GB, and 6.0 GB are free.", Check(available: 6, ceiling: null));
    }

    /// <summary>A GPU's own memory counts, not the machine's.</summary>
    [Fact]
    public void A_gpu_is_asked_for_its_free_memory()
    {
        using var gpu = new CudaDevice(new EmulatedDriver(), new EmulatedCompiler(), DataType.BFloat16);
        long free = gpu.FreeMemory!.Value;
        MemoryForecast fits = Ten with { Total = free }, tooMuch = Ten with { Total = free + 1 };
        Assert.Null(MemoryGuard.Check(gpu, Recipe, fits));
        string message = Assert.Throws<UserErrorException>(() => MemoryGuard.Check(gpu, Recipe, tooMuch)).Message;
        Assert.StartsWith($"The program needs {free / 1e9:0.0} GB, and {free / 1e9:0.0} GB are free on Emulated H200. What helps: ", message);
        Assert.Contains("training.micro_batch_size", message);
        Assert.Contains("engine.recompute: full", message);
    }

    [Fact]
    public void What_is_tight_is_warned_of_and_what_is_not_is_let_through()
    {
        Assert.StartsWith("It needs 10.0 GB of the 11.0 GB that are free", Check(available: 11, ceiling: 11));
        Assert.Null(Check(available: 12, ceiling: 12));
    }
}
