using Litespark.Devices.Cpu;
using Litespark.Graphs;
using Litespark.Graphs.Ops;
using Litespark.Models;
using Litespark.Planning;
using Litespark.Tests.Graphs;

namespace Litespark.Tests.Planning;

/// <summary>The litespark plan runs what it claims to run, and the baseline really is what a standard implementation runs.</summary>
public sealed class FusionTests : IDisposable
{
    const int Layers = 2;

    readonly CpuDevice device = new(2);

    public void Dispose() => device.Dispose();

    [Fact]
    public void Llama_in_the_litespark_plan_is_fused()
    {
        using var step = new ToyStep(device, ToyModels.Spec("llama-tied-gqa"), PlanOptions.Litespark);
        foreach (StepPlan plan in (StepPlan[])[step.First, step.Next])
        {
            Dictionary<string, int> forward = Counts(plan, Phase.Forward), backward = Counts(plan, Phase.Backward);
            AssertFusedAttention(plan);
            // A layer: qkv, attention output, gate and up, down; then the head, in one chunk.
            Assert.Equal(4 * Layers + 1, forward["matmul"]);
            Assert.Equal(2 * (4 * Layers + 1), backward["matmul"]);
            Assert.Equal(Layers, forward["gated_activation"]);
            Assert.Equal(Layers, backward["gated_activation_gradient"]);
            // Two norms a layer and the last one; the first has no addition before it.
            Assert.Equal((1, 2 * Layers), (forward["rms_norm"], forward["add_rms_norm"]));
            foreach (string absent in (string[])["add", "activation", "multiply", "copy", "cross_entropy"])
                Assert.False(forward.ContainsKey(absent) && (absent, plan) != ("add", step.Next), $"{plan.Name}: {absent}");
            foreach (string absent in (string[])["add", "activation_gradient", "multiply", "copy", "cross_entropy_gradient", "fill"])
                Assert.False(backward.ContainsKey(absent), $"{plan.Name}: {absent}");
        }
    }

    [Fact]
    public void Gpt2_in_the_litespark_plan_is_fused()
    {
        using var step = new ToyStep(device, ToyModels.Spec("gpt2"), PlanOptions.Litespark);
        foreach (StepPlan plan in (StepPlan[])[step.First, step.Next])
        {
            Dictionary<string, int> forward = Counts(plan, Phase.Forward), backward = Counts(plan, Phase.Backward);
            AssertFusedAttention(plan);
            // A layer: qkv, attention output, up, down; then the head.
            Assert.Equal(4 * Layers + 1, forward["matmul"]);
            Assert.Equal(2 * (4 * Layers + 1), backward["matmul"]);
            // The token and position embeddings are added by the first norm.
            Assert.Equal(2 * Layers + 1, forward["add_layer_norm"]);
            foreach (string absent in (string[])["add", "copy", "fill"]) Assert.False(backward.ContainsKey(absent), $"{plan.Name}: {absent}");
        }
    }

    [Fact]
    public void The_update_is_one_call_for_each_group_of_parameters()
    {
        using var fused = new ToyStep(device, ToyModels.Spec("llama-tied-gqa"), PlanOptions.Litespark);
        using var single = new ToyStep(device, ToyModels.Spec("llama-tied-gqa"), PlanOptions.Baseline);
        Assert.Equal(["sum_of_squares", "clip_factor"], fused.Program.Plans[ProgramBuilder.Clip].Calls.Select(call => call.Op.Name));
        Assert.Equal(["adamw", "adamw"], fused.Program.Plans[ProgramBuilder.Update].Calls.Select(call => call.Op.Name));
        Assert.Equal(single.Program.Parameters.Canonical.Count, single.Program.Plans[ProgramBuilder.Update].Calls.Count(call => call.Op is AdamW));
    }

    [Fact]
    public void The_baseline_is_not_fused()
    {
        using var step = new ToyStep(device, ToyModels.Spec("llama-tied-gqa"), PlanOptions.Baseline);
        Dictionary<string, int> forward = Counts(step.First, Phase.Forward), backward = Counts(step.First, Phase.Backward);
        Assert.All((string[])["attention_scores", "scale", "causal_mask", "softmax", "attention_mix"], op => Assert.Equal(Layers, forward[op]));
        Assert.Equal(7 * Layers + 1, forward["matmul"]);
        Assert.Equal((Layers, Layers), (forward["activation"], forward["multiply"]));
        Assert.Equal((2 * Layers, 2 * Layers + 1), (forward["add"], forward["rms_norm"]));
        Assert.Equal(1, forward["cross_entropy"]);
        Assert.True(backward["add"] > 0);
        Assert.False(forward.ContainsKey("attention") || forward.ContainsKey("gated_activation") || forward.ContainsKey("add_rms_norm"));
    }

    /// <summary>A vocabulary so large that the tokens are cut into chunks: the logits of all tokens never exist.</summary>
    [Fact]
    public void Whole_logits_never_exist_and_nothing_changes()
    {
        TransformerSpec spec = ToyModels.Spec("llama-tied-gqa") with { VocabSize = 33000, NumHiddenLayers = 1 };
        PlanOptions whole = PlanOptions.Litespark.With("chunked_loss", false);
        using var chunked = new ToyStep(device, spec, PlanOptions.Litespark, rows: 2, length: 300);
        using var unchunked = new ToyStep(device, spec, whole, rows: 2, length: 300);
        long logits = 600L * spec.VocabSize * sizeof(float);
        Assert.True(chunked.First.Calls.Count(call => call.Op is CrossEntropyWithGradient) >= 3);
        Assert.True(LargestTransient(chunked.First) < logits / 2);
        Assert.True(chunked.Program.TransientBytes < logits);
        Assert.True(LargestTransient(unchunked.First) >= logits);

        Poison.Fill(chunked.Loaded);
        Assert.Equal(unchunked.RunGradients(), chunked.RunGradients(), 1e-5);
        Dictionary<string, float[]> expected = unchunked.Gradients(), actual = chunked.Gradients();
        foreach ((string name, float[] gradient) in expected)
        {
            double scale = gradient.Max(Math.Abs);
            Assert.True(scale > 0);
            Assert.DoesNotContain(false, actual[name].Select(float.IsFinite));
            double error = gradient.Zip(actual[name], (a, b) => Math.Abs(a - b)).Max();
            Assert.True(error <= 2e-5 * scale, $"{name}: {error} of {scale}");
        }
    }

    static void AssertFusedAttention(StepPlan plan)
    {
        Dictionary<string, int> forward = Counts(plan, Phase.Forward), backward = Counts(plan, Phase.Backward);
        Assert.Equal((Layers, Layers), (forward["attention"], backward["attention_gradient"]));
        Assert.DoesNotContain(plan.Calls, call => call.Op is HeadProduct or CausalMask or Softmax or SoftmaxGradient);
    }

    static long LargestTransient(StepPlan plan)
        => plan.Calls.SelectMany(call => call.Inputs.Concat(call.Outputs)).Where(operand => operand.Arena == ArenaKind.Transient).Max(operand => operand.Bytes);

    static Dictionary<string, int> Counts(StepPlan plan, Phase phase)
        => plan.Calls.Where(call => call.Phase == phase).GroupBy(call => call.Op.Name).ToDictionary(group => group.Key, group => group.Count());
}
