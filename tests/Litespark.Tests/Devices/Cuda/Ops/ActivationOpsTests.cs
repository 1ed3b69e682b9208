using Litespark.Devices.Cuda.Ops;
using Litespark.Graphs;
using Litespark.Graphs.Ops;
using Litespark.Tests.Devices.Cuda.Emulation;
using static Litespark.Graphs.DataType;
using static Litespark.Tests.Devices.Cuda.Ops.TrialOperands;

namespace Litespark.Tests.Devices.Cuda.Ops;

public sealed class ActivationOpsTests
{
    const double Exact = 4e-6;

    readonly TrialOperands operands = new();

    public static TheoryData<ActivationKind, int, int, DataType, int> Cases()
    {
        var cases = new TheoryData<ActivationKind, int, int, DataType, int>();
        foreach (ActivationKind kind in Enum.GetValues<ActivationKind>())
        {
            cases.Add(kind, 9, 40, Float32, 0);
            cases.Add(kind, 5, 7, Float32, 1);
            cases.Add(kind, 9, 48, BFloat16, 8);
            cases.Add(kind, 1, 2049, BFloat16, 0);
        }

        return cases;
    }

    [EmulatedTheory]
    [MemberData(nameof(Cases))]
    public void Activations_gated_ones_and_their_gradients(ActivationKind kind, int rows, int columns, DataType type, int gap)
    {
        using var trial = new OpTrial(seed: (uint)kind);
        Shape shape = new(rows, columns), pair = new(rows, 2 * columns);
        TrialTensor X(Shape of) => operands.Numbers(of, type, gap, scale: 12);
        TrialTensor y = Result(shape, type, gap), own = X(shape), dx = Result(shape, type, gap), ownGradient = operands.Numbers(shape, type, gap);
        TrialTensor h = Result(shape, type), dPair = Result(pair, type, gap), ownPair = X(pair);
        var activation = new Activation(kind);
        var gradient = new ActivationGradient(kind);
        var gated = new GatedActivation(kind);
        var gatedGradient = new GatedActivationGradient(kind);

        trial.Run(activation, (binding, call) => ActivationOps.Activation(binding, call, activation), [X(shape)], [y]);
        trial.Run(activation, (binding, call) => ActivationOps.Activation(binding, call, activation), [own], [own]);
        trial.Run(gradient, (binding, call) => ActivationOps.ActivationGradient(binding, call, gradient), [operands.Numbers(shape, type), X(shape)], [dx]);
        trial.Run(gradient, (binding, call) => ActivationOps.ActivationGradient(binding, call, gradient), [ownGradient, X(shape)], [ownGradient]);
        trial.Run(gated, (binding, call) => ActivationOps.GatedActivation(binding, call, gated), [X(pair)], [h]);
        trial.Run(gatedGradient, (binding, call) => ActivationOps.GatedActivationGradient(binding, call, gatedGradient), [operands.Numbers(shape, type), X(pair)], [dPair]);
        trial.Run(gatedGradient, (binding, call) => ActivationOps.GatedActivationGradient(binding, call, gatedGradient), [operands.Numbers(shape, type), ownPair], [ownPair]);
        foreach (TrialTensor result in new[] { y, own, dx, ownGradient, h, dPair, ownPair }) result.AssertClose($"{kind}", Tolerance(type, Exact));
    }
}
