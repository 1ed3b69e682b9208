using Litespark.Devices.Cuda.Ops;
using Litespark.Graphs;
using Litespark.Graphs.Ops;
using Litespark.Tests.Devices.Cuda.Emulation;
using static Litespark.Graphs.DataType;

namespace Litespark.Tests.Devices.Cuda.Ops;

public sealed class OptimizerOpsTests
{
    readonly Random random = new(1);

    [EmulatedTheory]
    [InlineData(1, 0, 0, false)]
    [InlineData(7, 0, 0, true)]
    [InlineData(48, 3, 3, true)]
    [InlineData(1031, 1, 0, true)]
    [InlineData(20_003, 0, 0, false)]
    public void AdamW_updates_weight_moments_and_copy(int length, int shift, int copyShift, bool hasCopy)
    {
        using var trial = new OpTrial();
        var shape = new Shape(length);
        TrialTensor weight = Random(shape, shift), gradient = Random(shape, shift), m = Random(shape, shift), v = new(shape, Float32, _ => random.NextDouble(), shift: shift);
        TrialTensor schedule = Numbers(0.02, 0.3, 0.1), clip = Numbers(0.5), copy = new(shape, BFloat16, _ => 0, shift: copyShift);
        var op = new AdamW(0.9f, 0.95f, 1e-3f, 0.1f, hasCopy);
        TrialTensor[] inputs = [weight, gradient, m, v, schedule, clip];
        trial.Run(op, (binding, call) => OptimizerOps.AdamW(binding, call, op), hasCopy ? [.. inputs, copy] : inputs, []);
        weight.AssertClose("weight", 1e-6);
        m.AssertClose("m", 1e-6);
        v.AssertClose("v", 1e-6);
        gradient.AssertClose("gradient", 0);
        if (hasCopy) AssertCopies(weight, copy);
    }

    [EmulatedTheory]
    [InlineData(1, false, Float32)]
    [InlineData(1031, true, Float32)]
    [InlineData(1031, true, BFloat16)]
    public void Momentum_accumulates_and_looks_ahead(int length, bool nesterov, DataType type)
    {
        using var trial = new OpTrial();
        var shape = new Shape(length);
        TrialTensor gradient = Random(shape), momentum = Random(shape), update = new(shape, type, contents: null);
        var op = new Momentum(0.75f, nesterov, type);
        trial.Run(op, (binding, call) => OptimizerOps.Momentum(binding, call, op), [gradient, momentum, Numbers(0.5)], [update]);
        momentum.AssertClose("momentum", 1e-6);
        update.AssertClose("update", type == BFloat16 ? 1.0 / 256 : 1e-6);
    }

    [EmulatedTheory]
    [InlineData(1, Float32, false)]
    [InlineData(1031, Float32, false)]
    [InlineData(1031, BFloat16, true)]
    public void A_scaled_update_decays_the_weight_first(int length, DataType type, bool hasCopy)
    {
        using var trial = new OpTrial();
        var shape = new Shape(length);
        TrialTensor weight = Random(shape), update = new(shape, type, _ => Next()), copy = new(shape, BFloat16, _ => 0);
        var op = new ScaledUpdate(3, 0.5f, hasCopy);
        TrialTensor[] inputs = [weight, update, Numbers(0.25)];
        trial.Run(op, (binding, call) => OptimizerOps.ScaledUpdate(binding, call, op), hasCopy ? [.. inputs, copy] : inputs, []);
        weight.AssertClose("weight", 1e-6);
        if (hasCopy) AssertCopies(weight, copy);
    }

    /// <summary>The copy is the updated weight, rounded.</summary>
    static void AssertCopies(TrialTensor weight, TrialTensor copy)
        => Assert.Equal(weight.Actual.Select(value => (double)TrialTensor.Round((float)value, BFloat16)), copy.Actual);

    double Next() => random.NextDouble() * 2 - 1;

    TrialTensor Random(Shape shape, int shift = 0) => new(shape, Float32, _ => Next(), shift: shift);

    static TrialTensor Numbers(params double[] numbers) => new(new Shape(numbers.Length), Float32, i => numbers[i]);
}
