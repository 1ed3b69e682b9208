using Litespark.Devices.Cpu.Kernels;

namespace Litespark.Tests.Devices.Cpu.Kernels;

public sealed unsafe class EmbeddingKernelTests
{
    const int Vocabulary = 11;

    [Theory]
    [InlineData(1, 1, false)]
    [InlineData(150, 37, false)]
    [InlineData(150, 37, true)]
    [InlineData(9, 64, true)]
    public void Rows_are_looked_up(int tokens, int columns, bool accumulate)
    {
        using var trial = new KernelTrial();
        int[] indices = Indices(trial, tokens);
        Operand index = trial.Integers(indices);
        Operand table = trial.Random(Vocabulary, columns, gap: 3), y = trial.Random(tokens, columns, gap: 2);
        double[] rows = table.Values, before = y.Values;
        double[] expected = [.. before.Select((v, i) => rows[indices[i / columns] * columns + i % columns] + (accumulate ? v : 0))];
        trial.Run(
            pool => new EmbeddingKernel(pool, index.Integers, table.Matrix, y.Matrix, accumulate),
            () => Reference.AssertClose(expected, y.Values, 1e-7));
    }

    [Theory]
    [InlineData(1, 1, false, 3)]
    [InlineData(3, 1, false, 0)]
    [InlineData(4, 37, false, 0)]
    [InlineData(150, 37, false, 3)]
    [InlineData(150, 70, true, 3)]
    public void Gradients_of_equal_tokens_add_up(int tokens, int columns, bool accumulate, int gap)
    {
        using var trial = new KernelTrial();
        int[] indices = Indices(trial, tokens);
        Operand index = trial.Integers(indices), dy = trial.Random(tokens, columns, gap: 2);
        Operand dTable = trial.Random(Vocabulary, columns, gap);
        double[] gradient = dy.Values, expected = accumulate ? dTable.Values : new double[Vocabulary * columns];
        for (int i = 0; i < gradient.Length; i++) expected[indices[i / columns] * columns + i % columns] += gradient[i];
        trial.Run(
            pool => new EmbeddingGradientKernel(pool, index.Integers, dy.Matrix, dTable.Matrix, accumulate),
            () => Reference.AssertClose(expected, dTable.Values, 1e-5));
    }

    static int[] Indices(KernelTrial trial, int tokens)
    {
        int[] indices = new int[tokens];
        // The last row stays without a token: its gradient must be zeroed too.
        for (int i = 0; i < tokens; i++) indices[i] = trial.NextInteger(Vocabulary - 1);
        return indices;
    }
}
