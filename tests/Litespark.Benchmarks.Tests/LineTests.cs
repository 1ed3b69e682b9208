using Litespark.Benchmarks.Measuring;
using Litespark.Benchmarks.Verbs;

namespace Litespark.Benchmarks.Tests;

/// <summary>What other processes and the system print, and what users type.</summary>
public class LineTests
{
    const string PeerLine = """{"size": "15m", "params": 7155360, "batch": 8, "seq": 256, "threads": 2, "ms": 963.0, "tok_s": 2126.7, "gflops": 102.6, "loss": 6.791, "resident_bytes": 1048576, "torch": "1.13.1", "blas": "/lib/libopenblas.so.0", "blas_threads": "pthread", "blas_kernels": "Zen"}""";

    [Fact]
    public void The_peers_last_line_is_read_whatever_it_printed_before()
    {
        PeerFact fact = PeerFact.Parse(JsonLine.Last("a warning\n" + PeerLine + "\n\n"));
        Assert.Equal(2126.7, fact.TokensPerSecond);
        Assert.Equal(1048576, fact.ResidentBytes);
        Assert.True(fact.HasFightingThreads);
        Assert.False(PeerFact.Parse(PeerLine.Replace("pthread", "openmp", StringComparison.Ordinal)).HasFightingThreads);
    }

    [Theory]
    [InlineData("")]
    [InlineData("[1]")]
    [InlineData("{\"tok_s\": 1}")]
    [InlineData("{\"tok_s\": ")]
    public void Another_line_is_a_failure_that_shows_it(string line)
        => Assert.Contains("the peer", Assert.Throws<RunFailureException>(() => PeerFact.Parse(line)).Message, StringComparison.Ordinal);

    [Fact]
    public void A_plans_line_survives_the_way_through_another_process()
    {
        var fact = new PlanFact("litespark", 2918.66, 87.7115, 0.6425, 0.626767, 207.084e9, 215867392, 147957568, 0, 8.38101);
        Assert.Equal(fact, PlanFact.Parse(fact.ToJson().ToJsonString()));
    }

    [Fact]
    public void The_high_water_mark_is_read_in_bytes()
    {
        Assert.Equal(215867392, ProcessMemory.ParseHighWater(["Name:\tdotnet", "VmPeak:\t 9999999 kB", "VmHWM:\t  210808 kB", "VmRSS:\t  1 kB"]));
        Assert.Null(ProcessMemory.ParseHighWater(["VmRSS:\t  1 kB"]));
        Assert.True(ProcessMemory.PeakResidentBytes > 1 << 20);
    }

    [Fact]
    public void Rows_and_threads_are_read_or_refused()
    {
        ModelShape row = PeerVerb.ParseRow("15m 1 4096");
        Assert.Equal((288, 1, 4096), (row.Spec.HiddenSize, row.MicroBatch, row.SequenceLength));
        Assert.Throws<UserErrorException>(() => PeerVerb.ParseRow("15m 1"));
        Assert.Throws<UserErrorException>(() => PeerVerb.ParseRow("15m 0 4096"));
        Assert.Equal([1, 2, 6], Parameters.ParseThreads("1,2,6"));
        Assert.Throws<UserErrorException>(() => Parameters.ParseThreads("some"));
        Assert.Equal([1, 2, 4, 6], Parameters.PowersOfTwo(6));
        Assert.Equal([1], Parameters.PowersOfTwo(1));
    }
}
