using Litespark.Devices.Cuda.Ops;
using Litespark.Graphs;
using Litespark.Graphs.Ops;
using Litespark.Tests.Devices.Cuda.Emulation;
using static Litespark.Graphs.DataType;

namespace Litespark.Tests.Devices.Cuda.Ops;

public sealed class LossOpsTests
{
    const double Scale = 0.25;

    readonly Random random = new(1);

    /// <summary>Vocabularies with rows that start anywhere in a pack, shorter and longer than a block's threads, and one that outgrows shared memory.</summary>
    [EmulatedTheory]
    [InlineData(1, 1, Float32, 0)]
    [InlineData(3, 7, Float32, 0)]
    [InlineData(33, 48, Float32, 4)]
    [InlineData(3, 2057, Float32, 0)]
    [InlineData(5, 131, BFloat16, 0)]
    [InlineData(3, 2056, BFloat16, 8)]
    [InlineData(2, 64_001, Float32, 0)]
    [InlineData(1, 120_008, BFloat16, 0)]
    public void Cross_entropy_and_its_gradient(int rows, int vocabulary, DataType type, int gap)
    {
        using var trial = new OpTrial();
        Shape shape = new(rows, vocabulary), perRow = new(rows);
        foreach (double size in new[] { 1.0, 40.0 })
        {
            TrialTensor logits = new(shape, type, _ => size * Next(), gap), targets = Targets(rows, vocabulary), scale = new(new Shape(1), Float32, _ => Scale);
            TrialTensor losses = Result(perRow, Float32), logSums = Result(perRow, Float32);
            trial.Run(new CrossEntropy(), LossOps.CrossEntropy, [logits, targets], [losses, logSums]);
            losses.AssertClose("losses", 1e-5);
            logSums.AssertClose("log-sum-exp", 1e-6);

            TrialTensor known = new(perRow, Float32, i => logSums.Expected[i]), gradient = Result(shape, type, gap);
            trial.Run(new CrossEntropyGradient(), LossOps.CrossEntropyGradient, [logits, targets, known, scale], [gradient]);
            gradient.AssertClose("gradient", Tolerance(type));

            trial.Run(new CrossEntropyWithGradient(), LossOps.CrossEntropyWithGradient, [logits, targets, scale], [losses, logits]);
            losses.AssertClose("losses", 1e-5);
            logits.AssertClose("gradient in the logits' place", Tolerance(type));
            Assert.Equal(0, rows > 2 ? losses.Actual[1] : 0);
        }
    }

    [EmulatedFact]
    public void Rows_cut_at_other_places_are_taken_element_by_element()
    {
        using var trial = new OpTrial();
        var shape = new Shape(3, 50);
        TrialTensor logits = new(shape, BFloat16, _ => Next(), gap: 1), targets = Targets(3, 50), scale = new(new Shape(1), Float32, _ => Scale);
        TrialTensor losses = Result(new Shape(3), Float32), gradient = new(shape, BFloat16, contents: null, gap: 0, shift: 1);
        trial.Run(new CrossEntropyWithGradient(), LossOps.CrossEntropyWithGradient, [logits, targets, scale], [losses, gradient]);
        losses.AssertClose("losses", 1e-5);
        gradient.AssertClose("gradient", Tolerance(BFloat16));
    }

    [EmulatedFact]
    public void Hidden_logits_take_no_part()
    {
        using var trial = new OpTrial();
        TrialTensor logits = new(new Shape(2, 40), Float32, i => i % 40 < 32 ? double.NegativeInfinity : Next()), targets = new(new Shape(2), DataType.Int32, i => 39 - i);
        TrialTensor losses = Result(new Shape(2), Float32), scale = new(new Shape(1), Float32, _ => Scale);
        trial.Run(new CrossEntropyWithGradient(), LossOps.CrossEntropyWithGradient, [logits, targets, scale], [losses, logits]);
        for (int n = 0; n < 2; n++)
        {
            Assert.True(double.IsFinite(losses.Actual[n]));
            Assert.All(logits.Actual[(40 * n)..(40 * n + 32)], gradient => Assert.Equal(0, gradient));
            Assert.Equal(0, logits.Actual[(40 * n)..(40 * n + 40)].Sum(), 1e-6);
        }
    }

    [EmulatedTheory]
    [InlineData(3, 1, Float32)]
    [InlineData(33, 7, Float32)]
    [InlineData(3, 48, Float32)]
    [InlineData(2, 2056, Float32)]
    [InlineData(5, 131, BFloat16)]
    [InlineData(2, 2056, BFloat16)]
    public void Softmax_and_its_gradient(int rows, int columns, DataType type)
    {
        using var trial = new OpTrial();
        var shape = new Shape(rows, columns);
        foreach (bool inPlace in new[] { false, true })
        {
            TrialTensor x = new(shape, type, _ => 10 * Next()), y = inPlace ? x : Result(shape, type);
            trial.Run(new Softmax(), SoftmaxOps.Softmax, [x], [y]);
            y.AssertClose("y", Tolerance(type));

            TrialTensor dy = new(shape, type, _ => Next()), known = new(shape, type, i => y.Expected[i]), dx = inPlace ? dy : Result(shape, type);
            trial.Run(new SoftmaxGradient(), SoftmaxOps.SoftmaxGradient, [dy, known], [dx]);
            dx.AssertClose("dx", Tolerance(type));
        }
    }

    [EmulatedTheory]
    [InlineData(1, 0, Float32)]
    [InlineData(7, 0, Float32)]
    [InlineData(33, 5, Float32)]
    [InlineData(48, 0, BFloat16)]
    [InlineData(35, 20, BFloat16)]
    public void Causal_mask_hides_later_keys_other_documents_and_what_is_beyond_the_window(int tokens, int window, DataType type)
    {
        using var trial = new OpTrial();
        var geometry = new AttentionGeometry(Sequences: 2, tokens, Heads: 3, KeyValueHeads: 1, HeadDim: 8);
        var op = new CausalMask(geometry, window);
        foreach (bool inPlace in new[] { false, true })
        {
            TrialTensor scores = new(new Shape(2, 3, tokens, tokens), type, _ => Next()), starts = new(new Shape(2 * tokens), DataType.Int32, i => i % tokens / 5 * 5);
            TrialTensor masked = inPlace ? scores : Result(scores.Shape, type);
            trial.Run(op, (binding, call) => SoftmaxOps.CausalMask(binding, call, op), [scores, starts], [masked]);
            masked.AssertClose("masked", Tolerance(type));
        }
    }

    [EmulatedTheory]
    [InlineData(9, 0, Float32)]
    [InlineData(61, 0, Float32)]
    [InlineData(75, 33, BFloat16)]
    public void Causal_mask_hides_what_patterns_do(int tokens, int window, DataType type)
    {
        AttentionPattern[] patterns =
        [
            new(AttentionMode.Local, 7, 0, 1), new(AttentionMode.Strided, 0, 3, 1), new(AttentionMode.LocalOrStrided, 10, 12, 4), new(AttentionMode.Fixed, 6, 0, 1), AttentionPattern.Dense, new(AttentionMode.Fixed, 24, 0, 12), new(AttentionMode.Strided, 0, AttentionPattern.MostTokens, 3),
        ];
        var buffer = new int[AttentionPatternBuffer.Length(patterns.Length)];
        AttentionPatternBuffer.Write(patterns, 0, buffer);
        using var trial = new OpTrial();
        var op = new CausalMask(new AttentionGeometry(Sequences: 2, tokens, Heads: patterns.Length, KeyValueHeads: 1, HeadDim: 8), window) { HasPattern = true };
        foreach (bool inPlace in new[] { false, true })
        {
            TrialTensor scores = new(new Shape(2, patterns.Length, tokens, tokens), type, _ => Next()), starts = new(new Shape(2 * tokens), DataType.Int32, i => i % tokens / 40 * 40);
            TrialTensor masked = inPlace ? scores : Result(scores.Shape, type);
            trial.Run(op, (binding, call) => SoftmaxOps.CausalMask(binding, call, op), [scores, starts, new TrialTensor(new Shape(buffer.Length), DataType.Int32, i => buffer[i])], [masked]);
            masked.AssertClose("masked", Tolerance(type));
        }
    }

    static double Tolerance(DataType type) => type == BFloat16 ? 1.0 / 128 : 1e-5;

    double Next() => random.NextDouble() * 2 - 1;

    /// <summary>Random targets; the second is ignored.</summary>
    TrialTensor Targets(int rows, int vocabulary) => new(new Shape(rows), DataType.Int32, i => i == 1 ? -1 : random.Next(vocabulary));

    static TrialTensor Result(Shape shape, DataType type, int gap = 0) => new(shape, type, contents: null, gap);
}
