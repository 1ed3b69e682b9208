using Litespark.Devices.Cuda.Ops;
using Litespark.Graphs;
using Litespark.Graphs.Ops;
using Litespark.Tests.Devices.Cuda.Emulation;
using static Litespark.Graphs.DataType;
using static Litespark.Tests.Devices.Cuda.Ops.TrialOperands;

namespace Litespark.Tests.Devices.Cuda.Ops;

public sealed class ColumnSumOpsTests
{
    readonly TrialOperands operands = new();

    [EmulatedTheory]
    [InlineData(1, 1, Float32, 0)]
    [InlineData(3, 7, Float32, 0)]
    [InlineData(100, 132, Float32, 4)]
    [InlineData(257, 45, Float32, 1)]
    [InlineData(100, 264, BFloat16, 0)]
    [InlineData(77, 40, BFloat16, 8)]
    [InlineData(33, 5, BFloat16, 2)]
    public void Rows_are_summed_from_zero_or_onto_what_is_there(int rows, int columns, DataType type, int gap)
    {
        using var trial = new OpTrial(seed: (uint)rows);
        Shape shape = new(rows, columns), vector = new(columns);
        TrialTensor y = Result(vector, Float32), sum = operands.Numbers(vector, Float32);
        trial.Run(new ColumnSum(), ColumnSumOps.ColumnSum, [operands.Numbers(shape, type, gap)], [y]);
        trial.Run(new ColumnSum().WithAddend(0), ColumnSumOps.ColumnSum, [operands.Numbers(shape, type, gap), sum], [sum]);
        y.AssertClose("sum", 1e-5);
        sum.AssertClose("added", 1e-5);
    }
}
