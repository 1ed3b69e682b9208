using Litespark.Devices.Cuda.Ops;
using Litespark.Graphs;
using Litespark.Graphs.Ops;
using Litespark.Tests.Devices.Cuda.Emulation;
using static Litespark.Graphs.DataType;

namespace Litespark.Tests.Devices.Cuda.Ops;

public sealed class NormOpsTests
{
    const float Epsilon = 1e-5f;

    readonly Random random = new(1);

    [EmulatedTheory]
    [InlineData(1, 1, 1, Float32, 0)]
    [InlineData(3, 7, 7, Float32, 0)]
    [InlineData(33, 48, 48, Float32, 0)]
    [InlineData(35, 288, 288, Float32, 4)]
    [InlineData(3, 2056, 2056, Float32, 3)]
    [InlineData(2, 16_400, 16_400, Float32, 0)]
    [InlineData(5, 96, 24, Float32, 8)]
    [InlineData(7, 21, 7, Float32, 1)]
    [InlineData(33, 48, 48, BFloat16, 8)]
    [InlineData(9, 2056, 2056, BFloat16, 0)]
    [InlineData(5, 21, 7, BFloat16, 1)]
    [InlineData(70, 64, 16, BFloat16, 0)]
    [InlineData(300, 256, 64, BFloat16, 0)]
    public void Rms_norm_and_its_gradient(int rows, int columns, int groupSize, DataType type, int gap)
    {
        using var trial = new OpTrial();
        var shape = new Shape(rows, columns);
        int groups = columns / groupSize;
        foreach (bool hasResidual in new[] { false, true })
        {
            TrialTensor x = Random(shape, type, gap), residual = Random(shape, type), weight = Random(new Shape(groupSize), type);
            TrialTensor y = Result(shape, type, gap), inverse = Result(new Shape(rows * groups), Float32);
            var op = new RmsNorm(Epsilon, groupSize, hasResidual);
            trial.Run(
                op, (binding, call) => NormOps.RmsNorm(binding, call, op),
                hasResidual ? [x, weight, residual] : [x, weight], hasResidual ? [y, inverse, x] : [y, inverse]);
            y.AssertClose("y", Tolerance(type, 1e-5));
            inverse.AssertClose("1/rms", type == BFloat16 && hasResidual ? 1e-2 : 1e-5);
            x.AssertClose("sum", hasResidual ? Tolerance(type, 1e-6) : 0);
        }

        foreach (bool accumulates in new[] { false, true })
        {
            TrialTensor dy = Random(shape, type, gap), x = Random(shape, type), weight = Random(new Shape(groupSize), type), addend = Random(shape, type, gap);
            TrialTensor inverse = Positive(new Shape(rows * groups)), dx = accumulates ? dy : Result(shape, type), dWeight = accumulates ? Random(new Shape(groupSize), Float32) : Result(new Shape(groupSize), Float32);
            Op op = new RmsNormGradient(groupSize);
            if (accumulates) op = op.WithAddend(1).WithAddend(0);
            trial.Run(
                op, (binding, call) => NormOps.RmsNormGradient(binding, call, (RmsNormGradient)op),
                accumulates ? [dy, x, weight, inverse, dWeight, addend] : [dy, x, weight, inverse], [dx, dWeight]);
            dx.AssertClose("dx", Tolerance(type, 1e-5));
            dWeight.AssertClose("dWeight", 1e-4);
        }
    }

    [EmulatedTheory]
    [InlineData(1, 1, Float32, 0)]
    [InlineData(33, 7, Float32, 0)]
    [InlineData(33, 48, Float32, 4)]
    [InlineData(35, 288, Float32, 0)]
    [InlineData(1, 2056, Float32, 1)]
    [InlineData(33, 48, BFloat16, 0)]
    [InlineData(9, 2056, BFloat16, 8)]
    public void Layer_norm_and_its_gradient(int rows, int columns, DataType type, int gap)
    {
        using var trial = new OpTrial(seed: 1);
        Shape shape = new(rows, columns), vector = new(columns), perRow = new(rows);
        foreach (bool hasResidual in new[] { false, true })
        {
            TrialTensor x = Random(shape, type, gap), residual = Random(shape, type), weight = Random(vector, type), bias = Random(vector, type);
            TrialTensor y = Result(shape, type, gap), mean = Result(perRow, Float32), inverse = Result(perRow, Float32), sum = Result(shape, type, gap);
            var op = new LayerNorm(Epsilon, hasResidual);
            trial.Run(
                op, (binding, call) => NormOps.LayerNorm(binding, call, op),
                hasResidual ? [x, weight, bias, residual] : [x, weight, bias], hasResidual ? [y, mean, inverse, sum] : [y, mean, inverse]);
            bool rounds = type == BFloat16 && hasResidual;
            y.AssertClose("y", rounds ? 3e-2 : Tolerance(type, columns == 1 ? 1e-3 : 1e-5));
            mean.AssertClose("mean", rounds ? 1e-2 : 1e-6);
            inverse.AssertClose("1/std", rounds ? 1e-2 : 1e-5);
            if (hasResidual) sum.AssertClose("sum", Tolerance(type, 1e-6));
        }

        foreach (int accumulate in new[] { 0, 1, 2, 3 })
        {
            TrialTensor dy = Random(shape, type, gap), x = Random(shape, type), weight = Random(vector, type), addend = Random(shape, type, gap);
            TrialTensor mean = Random(perRow, Float32), inverse = Positive(perRow), dx = Result(shape, type);
            TrialTensor dWeight = (accumulate & 1) != 0 ? Random(vector, Float32) : Result(vector, Float32), dBias = (accumulate & 2) != 0 ? Random(vector, Float32) : Result(vector, Float32);
            Op op = new LayerNormGradient();
            List<TrialTensor> inputs = [dy, x, weight, mean, inverse];
            if ((accumulate & 2) != 0) (op, inputs) = (op.WithAddend(2), [.. inputs, dBias]);
            if (accumulate > 0) (op, inputs) = (op.WithAddend(0), [.. inputs, addend]);
            if ((accumulate & 1) != 0) (op, inputs) = (op.WithAddend(1), [.. inputs, dWeight]);
            trial.Run(op, NormOps.LayerNormGradient, [.. inputs], [dx, dWeight, dBias]);
            dx.AssertClose("dx", Tolerance(type, 1e-5));
            dWeight.AssertClose("dWeight", 1e-4);
            dBias.AssertClose("dBias", 1e-4);
        }
    }

    [EmulatedTheory]
    [InlineData(Float32)]
    [InlineData(BFloat16)]
    public void Views_that_are_not_aligned_are_taken_element_by_element(DataType type)
    {
        using var trial = new OpTrial();
        var shape = new Shape(3, 16);
        TrialTensor x = new(shape, type, _ => Next(), gap: 8, shift: 1), weight = Random(new Shape(16), type), y = Result(shape, type), inverse = Result(new Shape(3), Float32);
        var op = new RmsNorm(Epsilon, 16);
        trial.Run(op, (binding, call) => NormOps.RmsNorm(binding, call, op), [x, weight], [y, inverse]);
        y.AssertClose("y", Tolerance(type, 1e-5));
    }

    static double Tolerance(DataType type, double exact) => type == BFloat16 ? 1.0 / 128 : exact;

    double Next() => random.NextDouble() * 2 - 1;

    TrialTensor Random(Shape shape, DataType type, int gap = 0) => new(shape, type, _ => Next(), gap);

    TrialTensor Positive(Shape shape) => new(shape, Float32, _ => 0.5 + random.NextDouble());

    static TrialTensor Result(Shape shape, DataType type, int gap = 0) => new(shape, type, contents: null, gap);
}
