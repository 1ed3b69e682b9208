using Litespark.Devices.Cuda.Ops;
using Litespark.Graphs;
using Litespark.Graphs.Ops;
using Litespark.Tests.Devices.Cuda.Emulation;
using static Litespark.Graphs.DataType;

namespace Litespark.Tests.Devices.Cuda.Ops;

public sealed class ReductionOpsTests
{
    readonly Random random = new(1);

    [EmulatedTheory]
    [InlineData(1, Float32, 0)]
    [InlineData(7, Float32, 1)]
    [InlineData(1027, Float32, 3)]
    [InlineData(70_001, Float32, 0)]
    [InlineData(7, BFloat16, 5)]
    [InlineData(30_003, BFloat16, 3)]
    public void Sums_squares_and_norms_of_any_length_and_alignment(int length, DataType type, int shift)
    {
        using var trial = new OpTrial();
        var shape = new Shape(length);
        TrialTensor x = Random(shape, type, shift), sum = Result(new Shape(1)), y = new(shape, type, contents: null, shift: shift);
        trial.Run(new Sum(), ReductionOps.Sum, [x], [sum]);
        sum.AssertClose("sum", 1e-6);
        trial.Run(new SumOfSquares(), ReductionOps.SumOfSquares, [x], [sum]);
        sum.AssertClose("sum of squares", 1e-6);
        TrialTensor before = new(new Shape(1), Float32, _ => 3.5);
        trial.Run(new SumOfSquares().WithAddend(0), ReductionOps.SumOfSquares, [x, before], [before]);
        before.AssertClose("sum of squares, added", 1e-6);
        Assert.Equal(sum.Actual[0] + 3.5, before.Actual[0], 1e-6 * before.Actual[0]);

        var normalize = new Normalize(1e-3f);
        foreach (TrialTensor result in new[] { y, x })
        {
            trial.Run(normalize, (binding, call) => ReductionOps.Normalize(binding, call, normalize), [x], [result]);
            result.AssertClose("normalised", type == BFloat16 ? 1.0 / 256 : 1e-6);
        }
    }

    [EmulatedFact]
    public void Results_do_not_depend_on_the_order_of_threads()
    {
        double Run(uint seed)
        {
            using var trial = new OpTrial(seed);
            var numbers = new Random(7);
            TrialTensor x = new(new Shape(20_001), Float32, _ => numbers.NextDouble() - 0.5), sum = Result(new Shape(1));
            trial.Run(new Sum(), ReductionOps.Sum, [x], [sum]);
            return sum.Actual[0];
        }

        Assert.Equal(Run(0), Run(5));
    }

    [EmulatedTheory]
    [InlineData(4, 1)]
    [InlineData(0.01, 1)]
    [InlineData(4, 0)]
    public void Clip_factor(double squares, float maxNorm)
    {
        using var trial = new OpTrial();
        TrialTensor x = new(new Shape(1), Float32, _ => squares), norm = Result(new Shape(1)), factor = Result(new Shape(1));
        var op = new ClipFactor(maxNorm);
        trial.Run(op, (binding, call) => ReductionOps.ClipFactor(binding, call, op), [x], [norm, factor]);
        norm.AssertClose("norm", 0);
        factor.AssertClose("factor", 0);
    }

    TrialTensor Random(Shape shape, DataType type, int shift) => new(shape, type, _ => random.NextDouble() * 2 - 1, shift: shift);

    static TrialTensor Result(Shape shape) => new(shape, Float32, contents: null);
}
