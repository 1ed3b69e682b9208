using Litespark.Data;
using Litespark.Devices.Cpu;
using Litespark.Graphs;
using Litespark.Graphs.Ops;
using Litespark.Models;
using Litespark.Planning;
using Litespark.Planning.Passes;
using Litespark.Training.Sparsity;

namespace Litespark.Tests.Planning;

/// <summary>Steps whose attentions have patterns: the two plans agree, and without a pattern written nothing changes.</summary>
public sealed class SparseAttentionStepTests : IDisposable
{
    const int Rows = 3, Length = 33;

    static readonly SparsitySettings Settings = new() { SparseAttention = true };

    static readonly AttentionPattern[] Patterns =
    [
        new(AttentionMode.Local, 4, 0, 1), new(AttentionMode.Strided, 0, 3, 1), new(AttentionMode.LocalOrStrided, 2, 5, 1), new(AttentionMode.Fixed, 6, 0, 1),
        new(AttentionMode.LocalOrStrided, 8, 16, 4),
    ];

    readonly CpuDevice device = new(2);

    public void Dispose() => device.Dispose();

    ToyStep Toy(string name, PlanOptions options, SparsitySettings? settings)
        => new(device, ToyModels.Spec(name), options, microBatches: 2, rows: Rows, length: Length, sparsity: settings);

    /// <summary>Heads and layers that differ.</summary>
    static LoadedAttention Write(ToyStep step, int shift = 0, float threshold = 0)
    {
        var attention = new LoadedAttention(step.Loaded);
        for (int layer = 0; layer < attention.LayerCount; layer++)
            attention.Write(layer, [.. Enumerable.Range(shift + layer, attention.Heads(layer)).Select(i => Patterns[i % Patterns.Length])], threshold);
        return attention;
    }

    [Theory]
    [MemberData(nameof(ToyModels.Names), MemberType = typeof(ToyModels))]
    public void Both_plans_have_the_same_loss_and_gradients(string name)
    {
        using ToyStep baseline = Toy(name, PlanOptions.Baseline, Settings), litespark = Toy(name, PlanOptions.Litespark, Settings), dense = Toy(name, PlanOptions.Litespark, null);
        double whole = dense.RunGradients();
        // Patterns change from step to step in the same loaded plans.
        for (int shift = 0; shift < 2; shift++)
        {
            Write(baseline, shift);
            Write(litespark, shift);
            double expected = baseline.RunGradients(), actual = litespark.RunGradients();
            Assert.Equal(expected, actual, Math.Abs(expected) * 1e-5);
            Assert.NotEqual(whole, actual, Math.Abs(whole) * 1e-4);
            double evaluated = baseline.Step.Evaluate(baseline.Batches[0]);
            Assert.Equal(evaluated, litespark.Step.Evaluate(litespark.Batches[0]), Math.Abs(evaluated) * 1e-5);
            Dictionary<string, float[]> gradients = litespark.Gradients();
            foreach ((string parameter, float[] values) in baseline.Gradients())
            {
                double tolerance = values.Max(Math.Abs) * 1e-5 + 1e-9;
                for (int i = 0; i < values.Length; i++) Assert.True(Math.Abs(values[i] - gradients[parameter][i]) <= tolerance, $"{parameter}[{i}]: {values[i]} and {gradients[parameter][i]}");
            }
        }
    }

    [Theory]
    [InlineData("llama-tied-gqa")]
    [InlineData("mistral")]
    [InlineData("gpt2")]
    public void Without_a_pattern_steps_are_those_of_a_dense_program(string name)
    {
        foreach (PlanOptions options in (PlanOptions[])[PlanOptions.Baseline, PlanOptions.Litespark, PlanOptions.Litespark with { Recompute = RecomputeMode.Full }])
        {
            using ToyStep dense = Toy(name, options, null), sparse = Toy(name, options, Settings);
            Assert.DoesNotContain(dense.First.Calls, call => call.Op is Attention { HasPattern: true } or AttentionGradient { HasPattern: true } or CausalMask { HasPattern: true });
            for (int step = 1; step <= 2; step++) Assert.Equal(dense.Run(step), sparse.Run(step));
            Dictionary<string, float[]> weights = sparse.Weights();
            foreach ((string parameter, float[] values) in dense.Weights()) Assert.True(values.AsSpan().SequenceEqual(weights[parameter]), parameter);
        }
    }

    [Fact]
    public void The_share_that_was_computed_can_be_read()
    {
        using ToyStep step = Toy("llama-tied-gqa", PlanOptions.Litespark with { Recompute = RecomputeMode.Full }, Settings), baseline = Toy("llama", PlanOptions.Baseline, Settings);
        LoadedAttention attention = Write(step);
        Assert.Equal(2, attention.LayerCount);
        step.RunGradients();
        double expected = 0;
        for (int layer = 0; layer < 2; layer++)
        {
            foreach (MicroBatch batch in step.Batches)
            {
                long live = 0, visible = 0;
                for (int head = 0; head < 4; head++)
                    for (int row = 0; row < Rows * Length; row++)
                        for (int t = row % Length, j = batch.DocumentStarts[row]; j <= t; j++, visible++)
                            if (Patterns[(layer + head) % Patterns.Length].Allows(t, j)) live++;
                expected += (double)live / visible / 4;
            }
        }

        Assert.Equal(expected, attention.Share(2)!.Value, 1e-7);
        attention.WriteAll(AttentionPattern.Dense);
        step.RunGradients();
        Assert.Equal(1, attention.Share(2));
        Assert.Null(new LoadedAttention(baseline.Loaded).Share(2));
    }

    [Theory]
    [MemberData(nameof(ToyModels.Names), MemberType = typeof(ToyModels))]
    public void Every_call_finds_what_it_reads(string name)
    {
        foreach (PlanOptions options in (PlanOptions[])[PlanOptions.Litespark, PlanOptions.Baseline, PlanOptions.Litespark with { Recompute = RecomputeMode.Full }])
        {
            using ToyStep step = Toy(name, options, Settings);
            foreach (StepPlan plan in step.Program.Plans.Values) PlanSimulator.Check(step.Program, plan);
            Assert.Equal(2, step.First.Calls.Count(call => call.Phase == Phase.Forward && call.Op is Attention { HasPattern: true } or CausalMask { HasPattern: true }));
        }
    }

    [Fact]
    public void A_device_without_a_kernel_refuses()
    {
        DeviceProfile profile = device.Profile with { Name = "abacus", Supports = op => op is not (Attention { HasPattern: true } or CausalMask { HasPattern: true }) };
        UserErrorException error = Assert.Throws<UserErrorException>(() => ProgramBuilder.Training(Transformer.Function(ToyModels.Spec("llama")), PlanOptions.Litespark, new OptimizerSettings(), Rows, Length,
            device: profile, sparsity: Settings));
        Assert.Contains("abacus", error.Message, StringComparison.Ordinal);
        Assert.Contains("dense", error.Message, StringComparison.Ordinal);
    }
}
