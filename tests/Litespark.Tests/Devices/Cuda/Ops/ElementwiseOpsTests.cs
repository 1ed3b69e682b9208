using Litespark.Devices.Cuda.Ops;
using Litespark.Graphs;
using Litespark.Graphs.Ops;
using Litespark.Tests.Devices.Cuda.Emulation;
using static Litespark.Graphs.DataType;
using static Litespark.Tests.Devices.Cuda.Ops.TrialOperands;

namespace Litespark.Tests.Devices.Cuda.Ops;

public sealed class ElementwiseOpsTests
{
    readonly TrialOperands operands = new();

    [EmulatedTheory]
    [InlineData(1, 1, Float32, 0, 0)]
    [InlineData(17, 48, Float32, 0, 0)]
    [InlineData(17, 48, Float32, 4, 0)]
    [InlineData(5, 7, Float32, 3, 1)]
    [InlineData(3, 4099, Float32, 1, 0)]
    [InlineData(1, 1, BFloat16, 0, 0)]
    [InlineData(17, 48, BFloat16, 0, 0)]
    [InlineData(17, 48, BFloat16, 8, 0)]
    [InlineData(9, 45, BFloat16, 3, 5)]
    [InlineData(40000, 1, BFloat16, 1, 0)]
    public void Sums_products_multiples_and_copies(int rows, int columns, DataType type, int gap, int shift)
    {
        using var trial = new OpTrial(seed: (uint)columns);
        var shape = new Shape(rows, columns);
        TrialTensor A() => operands.Numbers(shape, type, gap, shift);
        TrialTensor Y() => Result(shape, type, gap, shift);
        TrialTensor sum = Y(), product = Y(), multiple = Y(), copy = Y(), filled = Y(), own = A(), apart = Result(shape, type);
        trial.Run(new Add(), ElementwiseOps.Add, [A(), A()], [sum]);
        trial.Run(new Multiply(), ElementwiseOps.Multiply, [A(), A()], [product]);
        trial.Run(new Scale(-0.37f), (binding, call) => ElementwiseOps.Scale(binding, call, new Scale(-0.37f)), [A()], [multiple]);
        trial.Run(new Copy(), ElementwiseOps.Copy, [A()], [copy]);
        trial.Run(new Fill(shape, 0.3f, type), (binding, call) => ElementwiseOps.Fill(binding, call, new Fill(shape, 0.3f, type)), [], [filled]);
        trial.Run(new Add(), ElementwiseOps.Add, [own, A()], [own]);
        trial.Run(new Multiply(), ElementwiseOps.Multiply, [A(), operands.Numbers(shape, type)], [apart]);
        foreach (TrialTensor result in new[] { sum, product, multiple, filled, own, apart }) result.AssertClose("y", Tolerance(type, 0));
        copy.AssertClose("copy", 0);
    }

    [EmulatedTheory]
    [InlineData(17, 48, 0, 0)]
    [InlineData(5, 7, 3, 1)]
    [InlineData(3, 1, 0, 0)]
    [InlineData(2, 4099, 0, 3)]
    public void Casts(int rows, int columns, int gap, int shift)
    {
        using var trial = new OpTrial();
        var shape = new Shape(rows, columns);
        TrialTensor narrow = Result(shape, BFloat16, gap, shift), wide = Result(shape, Float32, gap, shift);
        // The processor has no bf16: there it is a copy.
        trial.Run(new Copy(), ElementwiseOps.Cast, [operands.Numbers(shape, Float32, gap, shift)], [narrow]);
        trial.Run(new Cast(Float32), ElementwiseOps.Cast, [operands.Numbers(shape, BFloat16, gap, shift)], [wide]);
        narrow.AssertClose("bf16", 1.0 / 256);
        Assert.Equal(narrow.Expected.Select(value => (double)TrialTensor.Round((float)value, BFloat16)), narrow.Actual);
        wide.AssertClose("fp32", 0);
    }
}
