using Litespark.Training;

namespace Litespark.Tests.Training;

public class BudgetTests
{
    [Fact]
    public void What_is_taken_at_once_stays_within_the_whole_and_a_larger_share_is_alone()
    {
        const long Whole = 100;
        var budget = new Budget(Whole);
        long taken = 0, most = 0;
        int alone = 0;
        Parallel.For(0, 400, new ParallelOptions { MaxDegreeOfParallelism = 8 }, i =>
        {
            long wanted = i % 50 == 0 ? 3 * Whole : 1 + i % 60;
            using Budget.Share share = budget.Take(wanted);
            long now = Interlocked.Add(ref taken, wanted);
            if (wanted > Whole && now == wanted) Interlocked.Increment(ref alone);
            if (wanted <= Whole) InterlockedMax(ref most, now);
            Thread.SpinWait(200);
            Interlocked.Add(ref taken, -wanted);
        });
        Assert.Equal(0, taken);
        Assert.InRange(most, 1, Whole);
        Assert.Equal(8, alone);
    }

    static void InterlockedMax(ref long target, long value)
    {
        long seen = Volatile.Read(ref target);
        while (value > seen && Interlocked.CompareExchange(ref target, value, seen) is var other && other != seen) seen = other;
    }
}
