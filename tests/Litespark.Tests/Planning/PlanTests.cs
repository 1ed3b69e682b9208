using Litespark.Data;
using Litespark.Devices.Cpu;
using Litespark.Graphs.Ops;
using Litespark.Models;
using Litespark.Planning;
using Litespark.Planning.Passes;
using Litespark.Training;

namespace Litespark.Tests.Planning;

public sealed class PlanTests : IDisposable
{
    readonly CpuDevice device = new(2);

    public void Dispose() => device.Dispose();

    [Theory]
    [MemberData(nameof(ToyModels.Names), MemberType = typeof(ToyModels))]
    public void Both_plans_give_the_same_loss_and_gradients(string name)
    {
        Outcome baseline = Run(name, PlanOptions.Baseline), litespark = Run(name, PlanOptions.Litespark);
        AssertSame(baseline, litespark, 1e-5);
    }

    [Fact]
    public void Each_pass_alone_and_each_pass_missing_change_nothing_but_rounding()
    {
        foreach (string name in (string[])["llama-tied-gqa", "gpt2"])
        {
            Outcome baseline = Run(name, PlanOptions.Baseline);
            foreach (string pass in PlanOptions.PassNames)
            {
                AssertSame(baseline, Run(name, PlanOptions.Baseline.With(pass, true)), 1e-5);
                AssertSame(baseline, Run(name, PlanOptions.Litespark.With(pass, false)), 1e-5);
            }
        }
    }

    /// <summary>On any device that wants it so; what kernels count on to be contiguous stays so.</summary>
    [Theory]
    [MemberData(nameof(ToyModels.Names), MemberType = typeof(ToyModels))]
    public void Rows_further_apart_change_no_bit(string name)
    {
        DeviceProfile near = DeviceProfile.Cpu with { RowStride = (_, columns) => columns };
        foreach (PlanOptions plan in (PlanOptions[])[PlanOptions.Litespark, PlanOptions.Baseline.With("padded_rows", true), PlanOptions.Litespark with { Recompute = RecomputeMode.Selective }])
        {
            Outcome expected = Run(name, plan, profile: near);
            foreach (int padding in (int[])[5, 16]) AssertEqual(expected, Run(name, plan, profile: near with { RowStride = (_, columns) => columns + padding }));
        }
    }

    static void AssertEqual(Outcome near, Outcome apart)
    {
        Assert.Equal(near.Loss, apart.Loss);
        foreach ((string tensor, float[] gradient) in near.Gradients) Assert.Equal(gradient, apart.Gradients[tensor]);
        Assert.True(apart.ActivationBytes > near.ActivationBytes, $"{apart.ActivationBytes} of {near.ActivationBytes}");
    }

    [Fact]
    public void Only_large_matrices_that_plans_lay_out_themselves_get_a_line_between_rows()
    {
        TransformerSpec spec = ToyModels.Spec("llama") with { IntermediateSize = 512, VocabSize = 512, HiddenSize = 512 };
        StepProgram program = ProgramBuilder.Training(Transformer.Function(spec), PlanOptions.Litespark, new OptimizerSettings(), 2, 16);
        Operand[] operands = [.. program.Plans.Values.SelectMany(plan => plan.Calls).SelectMany(call => call.Inputs.Concat(call.Outputs))];
        Assert.Contains(operands, operand => (operand.Rows, operand.Columns, operand.Stride) == (32, 1024, 1040)); // gate and up
        Assert.DoesNotContain(operands, operand => operand.Columns == 512 && operand.Stride == 528 && operand.Arena == ArenaKind.Persistent);
        foreach (StepPlan plan in program.Plans.Values) PlanSimulator.Check(program, plan);
        AssertEqual(Run(spec, PlanOptions.Litespark.With("padded_rows", false)), Run(spec, PlanOptions.Litespark));
    }

    [Theory]
    [InlineData("llama-tied-gqa")]
    [InlineData("qwen3")]
    [InlineData("gpt2")]
    public void Recomputation_changes_no_bit_and_saves_memory(string name)
    {
        foreach (PlanOptions plan in (PlanOptions[])[PlanOptions.Baseline, PlanOptions.Litespark])
        {
            Outcome kept = Run(name, plan);
            foreach (RecomputeMode mode in (RecomputeMode[])[RecomputeMode.Selective, RecomputeMode.Full])
            {
                Outcome recomputed = Run(name, plan with { Recompute = mode });
                Assert.Equal(kept.Loss, recomputed.Loss);
                foreach ((string tensor, float[] gradient) in kept.Gradients) Assert.Equal(gradient, recomputed.Gradients[tensor]);
                Assert.True(recomputed.ActivationBytes < kept.ActivationBytes, $"{mode}: {recomputed.ActivationBytes} of {kept.ActivationBytes}");
            }
        }
    }

    [Fact]
    public void Accumulation_over_micro_batches_equals_one_large_batch()
    {
        foreach (PlanOptions plan in (PlanOptions[])[PlanOptions.Baseline, PlanOptions.Litespark])
            AssertSame(Run("llama-tied-gqa", plan, rows: 8, micro: 8), Run("llama-tied-gqa", plan, rows: 8, micro: 1), 1e-5);
    }

    [Theory]
    [InlineData("llama-tied-gqa")]
    [InlineData("mistral")]
    [InlineData("gpt2")]
    public void Fused_ops_that_a_device_lacks_are_decomposed(string name)
    {
        var poor = new DeviceProfile
        {
            Name = "poor",
            Supports = op => op is not (Attention or GatedActivation or RmsNorm { HasResidual: true } or LayerNorm { HasResidual: true }),
        };
        AssertSame(Run(name, PlanOptions.Litespark), Run(name, PlanOptions.Litespark, profile: poor), 1e-5);
    }

    sealed record Outcome(double Loss, double Norm, Dictionary<string, float[]> Gradients, Dictionary<string, float[]> Updated, long ActivationBytes);

    Outcome Run(string name, PlanOptions plan, int rows = 3, int micro = 3, int length = 17, DeviceProfile? profile = null) => Run(ToyModels.Spec(name), plan, rows, micro, length, profile);

    Outcome Run(TransformerSpec spec, PlanOptions plan, int rows = 3, int micro = 3, int length = 17, DeviceProfile? profile = null)
    {
        var optimizer = new OptimizerSettings();
        StepProgram program = ProgramBuilder.Training(Transformer.Function(spec), plan, optimizer, micro, length, device: profile);
        using ILoadedProgram loaded = device.Load(program);
        ParameterStore.Initialize(loaded, 7);
        using MicroBatch whole = ToyModels.Batch(rows, length, spec.VocabSize, 3);
        MicroBatch[] parts = Split(whole, micro);
        var step = new TrainingStep(loaded, optimizer);
        double loss = step.RunGradients(parts, whole.CountTargets());
        Dictionary<string, float[]> gradients = ReadAll(ParameterStore.Gradients(loaded));
        double norm = step.RunClip();
        step.RunUpdate(1, 1e-2, 1e-2);
        foreach (MicroBatch part in parts) part.Dispose();
        return new Outcome(loss, norm, gradients, ReadAll(ParameterStore.Weights(loaded)), program.Plans[ProgramBuilder.FirstMicroBatch].ActivationBytes);
    }

    static MicroBatch[] Split(MicroBatch whole, int rows)
    {
        var parts = new MicroBatch[whole.Rows / rows];
        for (int i = 0; i < parts.Length; i++)
        {
            parts[i] = new MicroBatch(rows, whole.SequenceLength);
            int start = i * parts[i].Length, length = parts[i].Length;
            whole.Tokens.Slice(start, length).CopyTo(parts[i].Tokens);
            whole.Targets.Slice(start, length).CopyTo(parts[i].Targets);
            whole.Positions.Slice(start, length).CopyTo(parts[i].Positions);
            whole.DocumentStarts.Slice(start, length).CopyTo(parts[i].DocumentStarts);
        }

        return parts;
    }

    static Dictionary<string, float[]> ReadAll(ParameterStore store) => store.Tensors.ToDictionary(tensor => tensor.Name, tensor =>
    {
        var values = new float[tensor.Length];
        store.Read(tensor.Name, values);
        return values;
    });

    static void AssertSame(Outcome expected, Outcome actual, double tolerance)
    {
        Assert.Equal(expected.Loss, actual.Loss, tolerance * expected.Loss);
        Assert.Equal(expected.Norm, actual.Norm, 10 * tolerance * expected.Norm);
        Assert.Equal(expected.Gradients.Keys.Order(), actual.Gradients.Keys.Order());
        foreach ((string name, float[] gradient) in expected.Gradients) AssertClose(name, gradient, actual.Gradients[name], 10 * tolerance);
    }

    /// <summary>Relative to the tensor's largest element.</summary>
    static void AssertClose(string name, float[] expected, float[] actual, double tolerance)
    {
        double scale = expected.Max(Math.Abs);
        Assert.True(scale > 0, $"{name}: no gradient");
        for (int i = 0; i < expected.Length; i++)
            Assert.True(Math.Abs(expected[i] - actual[i]) <= tolerance * scale, $"{name}[{i}]: {expected[i]} and {actual[i]} (largest {scale})");
    }
}
