using Litespark.Devices.Cuda.Ops;
using Litespark.Graphs;
using Litespark.Graphs.Ops;
using Litespark.Tests.Devices.Cuda.Emulation;
using static Litespark.Graphs.DataType;
using static Litespark.Tests.Devices.Cuda.Ops.TrialOperands;

namespace Litespark.Tests.Devices.Cuda.Ops;

public sealed class EmbeddingOpsTests
{
    readonly TrialOperands operands = new();

    [EmulatedTheory]
    [InlineData(1, 1, 1, Float32, 0)]
    [InlineData(19, 50, 48, Float32, 0)]
    [InlineData(19, 5, 7, Float32, 2)]
    [InlineData(70, 3, 16, Float32, 4)]
    [InlineData(19, 50, 48, BFloat16, 0)]
    [InlineData(33, 4, 13, BFloat16, 3)]
    [InlineData(300, 7, 2056, BFloat16, 8)]
    public void Rows_are_looked_up_and_their_gradients_summed(int tokens, int vocabulary, int width, DataType type, int gap)
    {
        using var trial = new OpTrial(seed: (uint)tokens);
        Shape rows = new(tokens, width), table = new(vocabulary, width);
        TrialTensor y = Result(rows, type, gap), sum = operands.Numbers(rows, type, gap);
        trial.Run(new Embedding(), EmbeddingOps.Embedding, [operands.Integers(tokens, vocabulary), operands.Numbers(table, type, gap)], [y]);
        trial.Run(new Embedding().WithAddend(0), EmbeddingOps.Embedding, [operands.Integers(tokens, vocabulary), operands.Numbers(table, type), sum], [sum]);
        y.AssertClose("y", 0);
        sum.AssertClose("sum", Tolerance(type));

        TrialTensor gradient = Result(table, Float32, gap), added = operands.Numbers(table, Float32);
        trial.Run(new EmbeddingGradient(vocabulary), EmbeddingOps.EmbeddingGradient, [operands.Integers(tokens, vocabulary), operands.Numbers(rows, type, gap)], [gradient]);
        trial.Run(new EmbeddingGradient(vocabulary).WithAddend(0), EmbeddingOps.EmbeddingGradient, [operands.Integers(tokens, vocabulary), operands.Numbers(rows, type), added], [added]);
        gradient.AssertClose("gradient", 1e-5);
        added.AssertClose("added", 1e-5);
    }

    [EmulatedFact]
    public void Gradients_have_the_same_bits_whatever_the_order_of_threads()
    {
        const int Tokens = 90, Vocabulary = 4, Width = 24;
        double[][] runs = [.. Enumerable.Range(0, 3).Select(seed =>
        {
            using var trial = new OpTrial((uint)seed);
            var same = new TrialOperands();
            TrialTensor gradient = Result(new Shape(Vocabulary, Width), Float32);
            trial.Run(new EmbeddingGradient(Vocabulary), EmbeddingOps.EmbeddingGradient, [same.Integers(Tokens, Vocabulary), same.Numbers(new Shape(Tokens, Width), BFloat16)], [gradient]);
            return gradient.Actual;
        })];
        Assert.Equal(runs[0], runs[1]);
        Assert.Equal(runs[0], runs[2]);
    }
}
