using Litespark.Devices.Cpu;
using Litespark.Planning;
using Litespark.Tests.Graphs;
using Litespark.Training;

namespace Litespark.Tests.Planning;

/// <summary>What holds for a whole training step whatever the model: determinism, clean memory.</summary>
public class WholeStepTests
{
    public static TheoryData<string, bool> ModelsAndPlans
    {
        get
        {
            var data = new TheoryData<string, bool>();
            foreach (string name in (string[])["llama-tied-gqa", "llama-biased", "mistral", "qwen3", "gpt2"])
                foreach (bool litespark in (bool[])[false, true]) data.Add(name, litespark);
            return data;
        }
    }

    static PlanOptions Plan(bool litespark) => litespark ? PlanOptions.Litespark : PlanOptions.Baseline;

    [Theory]
    [MemberData(nameof(ModelsAndPlans))]
    public void One_two_and_three_threads_give_the_same_bits(string name, bool litespark)
    {
        (List<StepResult> Results, Dictionary<string, float[]> Gradients, Dictionary<string, float[]> Weights)[] runs = [.. ((int[])[1, 2, 3]).Select(threads =>
        {
            using var device = new CpuDevice(threads);
            using var step = new ToyStep(device, ToyModels.Spec(name), Plan(litespark), microBatches: 2);
            step.RunGradients();
            Dictionary<string, float[]> gradients = step.Gradients();
            return (Enumerable.Range(1, 3).Select(step.Run).ToList(), gradients, step.Weights());
        })];
        foreach (var run in runs.Skip(1))
        {
            Assert.Equal(runs[0].Results, run.Results);
            AssertSameBits(runs[0].Gradients, run.Gradients);
            AssertSameBits(runs[0].Weights, run.Weights);
        }
    }

    [Theory]
    [MemberData(nameof(ModelsAndPlans))]
    public void Stale_memory_changes_no_bit(string name, bool litespark)
    {
        using var device = new CpuDevice(2);
        using var step = new ToyStep(device, ToyModels.Spec(name), Plan(litespark), microBatches: 2);
        double clean = step.RunGradients();
        Dictionary<string, float[]> gradients = step.Gradients();
        // The first micro-batch overwrites gradients and loss, whatever they hold.
        ParameterStore store = ParameterStore.Gradients(step.Loaded);
        foreach (TensorInfo tensor in store.Tensors) store.Write(tensor.Name, Enumerable.Repeat(float.NaN, (int)tensor.Length).ToArray());
        step.Loaded.Write<float>(step.Program.Layout["loss"], 0, [float.NaN]);
        Poison.Fill(step.Loaded);
        Assert.Equal(clean, step.RunGradients());
        AssertSameBits(gradients, step.Gradients());
        Poison.Fill(step.Loaded);
        double norm = step.Step.RunClip();
        Assert.True(double.IsFinite(norm) && norm > 0);
        Poison.Fill(step.Loaded);
        Assert.True(double.IsFinite(step.Step.Evaluate(step.Batches[0])));
    }

    static void AssertSameBits(Dictionary<string, float[]> expected, Dictionary<string, float[]> actual)
    {
        Assert.Equal(expected.Keys.Order(), actual.Keys.Order());
        foreach ((string name, float[] values) in expected)
            Assert.True(values.AsSpan().SequenceEqual(actual[name]) && values.All(float.IsFinite), name);
    }
}
