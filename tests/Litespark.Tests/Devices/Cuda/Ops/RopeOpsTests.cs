using Litespark.Devices.Cuda.Ops;
using Litespark.Graphs;
using Litespark.Graphs.Ops;
using Litespark.Tests.Devices.Cuda.Emulation;
using static Litespark.Graphs.DataType;
using static Litespark.Tests.Devices.Cuda.Ops.TrialOperands;

namespace Litespark.Tests.Devices.Cuda.Ops;

public sealed class RopeOpsTests
{
    readonly TrialOperands operands = new();

    [EmulatedTheory]
    [InlineData(11, 3, 16, 16, Float32, 0)]
    [InlineData(5, 2, 48, 48, Float32, 4)]
    [InlineData(5, 2, 64, 32, Float32, 0)]
    [InlineData(3, 2, 10, 6, Float32, 0)]
    [InlineData(1, 1, 2, 2, Float32, 0)]
    [InlineData(11, 3, 16, 16, BFloat16, 8)]
    [InlineData(3, 24, 128, 128, BFloat16, 0)]
    [InlineData(5, 2, 64, 32, BFloat16, 1)]
    [InlineData(3, 2, 10, 6, BFloat16, 0)]
    public void Heads_are_turned_and_turned_back(int tokens, int heads, int headDim, int rotaryDim, DataType type, int gap)
    {
        const int MaxPositions = 9;
        using var trial = new OpTrial(seed: (uint)heads);
        Shape shape = new(tokens, heads * headDim), tables = new(MaxPositions, rotaryDim / 2);
        foreach (bool inverse in new[] { false, true })
        {
            var op = new Rope(headDim, rotaryDim, inverse);
            TrialTensor y = Result(shape, type, gap), own = operands.Numbers(shape, type, gap);
            TrialTensor[] angles = [operands.Integers(tokens, MaxPositions), operands.Numbers(tables, Float32), operands.Numbers(tables, Float32)];
            trial.Run(op, (binding, call) => RopeOps.Rope(binding, call, op), [operands.Numbers(shape, type, gap), .. angles], [y]);
            trial.Run(op, (binding, call) => RopeOps.Rope(binding, call, op), [own, .. angles], [own]);
            y.AssertClose("y", Tolerance(type));
            own.AssertClose("in place", Tolerance(type));
        }
    }
}
