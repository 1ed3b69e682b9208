using Litespark.Devices.Cpu;
using Litespark.SelfTesting;

namespace Litespark.Tests.SelfTesting;

/// <summary>The trial itself: a device agrees with itself in every layout, and what is wrong is seen.</summary>
public sealed class OpTrialTests : IDisposable
{
    readonly CpuDevice one = new(1), two = new(2);

    public static TheoryData<string> Names() => [.. OpCases.All(large: false).Select(test => test.Name)];

    public void Dispose()
    {
        one.Dispose();
        two.Dispose();
    }

    [Fact]
    public void Names_are_unique() => Assert.Equal(OpCases.All(false).Count(), OpCases.All(false).Select(test => test.Name).Distinct().Count());

    [Theory]
    [MemberData(nameof(Names))]
    public void The_cpu_gives_the_same_in_every_layout(string name)
    {
        OpCase test = OpCases.All(large: false).Single(test => test.Name == name);
        foreach (OperandLayout layout in Enum.GetValues<OperandLayout>())
            foreach (TrialResult result in OpTrial.Run(two, one, test, layout, seed: 3))
                Assert.True(result.Passed, $"{name}, {layout}, {result.Result}: {result.Error:g3}");
    }

    [Theory]
    [InlineData(1f, 1f, 0)]
    [InlineData(1.5f, 1f, 0.5)]
    [InlineData(float.NaN, 1f, double.PositiveInfinity)]
    [InlineData(float.PositiveInfinity, 1f, double.PositiveInfinity)]
    public void Errors_are_seen(float found, float expected, double error) => Assert.Equal(error, OpTrial.Error([found], [expected]));
}
