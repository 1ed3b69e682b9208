using Litespark.Devices.Cpu.Kernels;

namespace Litespark.Tests.Devices.Cpu.Kernels;

public sealed unsafe class CrossEntropyKernelTests
{
    const float Scale = 0.37f;

    [Theory]
    [InlineData(1, 1)]
    [InlineData(9, 37)]
    [InlineData(70, 64)]
    [InlineData(4, 3001)]
    [InlineData(9, 2048)]
    [InlineData(6, 4500)]
    public void Loss_and_gradient_match_the_definition(int tokens, int vocabulary)
    {
        using var trial = new KernelTrial();
        // Logits that rise along the row move the running maximum from chunk to chunk; some rows are far from 0.
        Operand logits = trial.New(tokens, vocabulary, 3, (n, v) => 5 * trial.Next() + 30f * v / vocabulary + (n % 3 - 1) * 200);
        int[] targets = [.. Enumerable.Range(0, tokens).Select(n => n % 4 == 2 ? -1 : trial.NextInteger(vocabulary))];
        Operand target = trial.Integers(targets), loss = trial.Random(1, tokens);
        Operand logSumExp = trial.Zeros(1, tokens), scale = trial.Scalar(Scale);
        Operand dLogits = trial.Zeros(tokens, vocabulary, gap: 1);
        (double[] losses, double[] sums, double[] gradient) = Definition(logits.Values, targets, vocabulary);

        CheckForward(trial, logits, target, loss, logSumExp, losses, sums);
        foreach (Operand output in new[] { dLogits, logits })
        {
            trial.Run(
                pool => new Sequence(
                    new CrossEntropyKernel(pool, logits.Matrix, target.Integers, loss.Data, logSumExp.Data),
                    new CrossEntropyGradientKernel(pool, logits.Matrix, target.Integers, logSumExp.Data, scale.Data, output.Matrix)),
                () => Reference.AssertClose(gradient, output.Values, 2e-5));
            CheckWithGradient(trial, logits, target, scale, loss, output, losses, gradient);
        }
    }

    static void CheckForward(KernelTrial trial, Operand logits, Operand target, Operand loss, Operand logSumExp, double[] losses, double[] sums) => trial.Run(
        pool => new CrossEntropyKernel(pool, logits.Matrix, target.Integers, loss.Data, logSumExp.Data),
        () =>
        {
            Reference.AssertClose(losses, loss.Values, 1e-6);
            Reference.AssertClose(sums, logSumExp.Values, 1e-6);
        });

    static void CheckWithGradient(KernelTrial trial, Operand logits, Operand target, Operand scale, Operand loss, Operand output, double[] losses, double[] gradient) => trial.Run(
        pool => new CrossEntropyWithGradientKernel(pool, logits.Matrix, target.Integers, scale.Data, loss.Data, output.Matrix),
        () =>
        {
            Reference.AssertClose(losses, loss.Values, 1e-6);
            Reference.AssertClose(gradient, output.Values, 1e-6);
        });

    [Theory]
    [InlineData(0)] // far above every guess from what came before, again and again
    [InlineData(1)] // the largest first
    [InlineData(2)] // nothing at first, be it some elements or whole chunks
    [InlineData(3)] // nothing but the target
    public void A_row_may_begin_anywhere_and_go_anywhere(int kind)
    {
        const int Vocabulary = 5000, Target = 4900;
        using var trial = new KernelTrial();
        Operand logits = trial.New(3, Vocabulary, 1, (n, v) => kind switch
        {
            0 => 300f * (v / (700 - 100 * n)) + trial.Next(),
            1 => v == n ? 500 : trial.Next(),
            2 => v < 2100 * n + 300 ? float.NegativeInfinity : -700 + trial.Next(),
            _ => v == Target ? -900 : float.NegativeInfinity,
        });
        Operand target = trial.Integers([Target, Target, Target]), loss = trial.Random(1, 3), logSumExp = trial.Zeros(1, 3);
        Operand scale = trial.Scalar(Scale), dLogits = trial.Zeros(3, Vocabulary);
        (double[] losses, double[] sums, double[] gradient) = Definition(logits.Values, [Target, Target, Target], Vocabulary);
        CheckForward(trial, logits, target, loss, logSumExp, losses, sums);
        CheckWithGradient(trial, logits, target, scale, loss, dLogits, losses, gradient);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(300)]
    [InlineData(4999)]
    public void Not_a_number_is_not_lost(int place)
    {
        using var trial = new KernelTrial();
        Operand logits = trial.New(1, 5000, 0, (_, v) => v == place ? float.NaN : v < 2100 ? float.NegativeInfinity : trial.Next());
        Operand target = trial.Integers([4321]), loss = trial.Random(1, 1), logSumExp = trial.Zeros(1, 1);
        trial.Run(
            pool => new CrossEntropyKernel(pool, logits.Matrix, target.Integers, loss.Data, logSumExp.Data),
            () => Assert.True(double.IsNaN(loss.Values[0])));
    }

    [Fact]
    public void Gradient_matches_finite_differences()
    {
        using var trial = new KernelTrial();
        Operand logits = trial.Random(5, 13, gap: 2, scale: 3), loss = trial.Zeros(1, 5), scale = trial.Scalar(Scale);
        int[] targets = [3, 0, -1, 12, 3];
        Operand target = trial.Integers(targets);
        double[] cotangent = [.. targets.Select(_ => (double)Scale)];
        double[] expected = Reference.Gradient(v => Definition(v, targets, 13).Losses, logits.Values, cotangent);
        trial.Run(
            pool => new CrossEntropyWithGradientKernel(pool, logits.Matrix, target.Integers, scale.Data, loss.Data, logits.Matrix),
            () => Reference.AssertClose(expected, logits.Values, 1e-6));
    }

    static (double[] Losses, double[] LogSumExp, double[] Gradient) Definition(double[] logits, int[] targets, int vocabulary)
    {
        double[] losses = new double[targets.Length], sums = new double[targets.Length], gradient = new double[logits.Length];
        for (int n = 0; n < targets.Length; n++)
        {
            double[] row = logits[(n * vocabulary)..((n + 1) * vocabulary)];
            double max = row.Max();
            sums[n] = max + Math.Log(row.Sum(v => Math.Exp(v - max)));
            if (targets[n] < 0) continue;
            losses[n] = sums[n] - row[targets[n]];
            for (int v = 0; v < vocabulary; v++)
                gradient[n * vocabulary + v] = Scale * (Math.Exp(row[v] - sums[n]) - (v == targets[n] ? 1 : 0));
        }

        return (losses, sums, gradient);
    }
}
