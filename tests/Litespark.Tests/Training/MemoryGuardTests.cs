using Litespark.Planning;
using Litespark.Recipes;
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

    [Fact]
    public void What_is_tight_is_warned_of_and_what_is_not_is_let_through()
    {
        Assert.StartsWith("It needs 10.0 GB of the 11.0 GB that are free", Check(available: 11, ceiling: 11));
        Assert.Null(Check(available: 12, ceiling: 12));
    }
}
