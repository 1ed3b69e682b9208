using Litespark.Data;
using Litespark.Data.Loading;
using Litespark.Devices.Cpu;
using Litespark.Models;
using Litespark.Planning;
using Litespark.Tests.Data;
using Litespark.Tests.Planning;
using Litespark.Training;

namespace Litespark.Tests.Training;

/// <summary>However the tokens are cut into micro-batches and rows, the losses are the same.</summary>
public sealed class BatchingTests : IDisposable
{
    readonly CpuDevice device = new(2);

    public void Dispose() => device.Dispose();

    [Theory]
    [InlineData("litespark")]
    [InlineData("baseline")]
    public void Eight_accumulated_rows_equal_a_batch_of_eight(string plan)
    {
        using var tiny = new TinyRun();
        (double loss, Dictionary<string, float[]> gradients) = Gradients(tiny, plan, rows: 8);
        (double accumulatedLoss, Dictionary<string, float[]> accumulated) = Gradients(tiny, plan, rows: 1);
        Assert.Equal(loss, accumulatedLoss, 1e-5 * loss);
        TensorReading.AssertClose(gradients, accumulated, 1e-5);
    }

    [Theory]
    [InlineData("llama", true)]
    [InlineData("llama", false)]
    [InlineData("mistral", true)]
    [InlineData("mistral", false)]
    [InlineData("gpt2", true)]
    [InlineData("gpt2", false)]
    public void Packed_documents_have_the_token_losses_that_they_have_alone(string model, bool fused)
    {
        const int Rows = 4, Length = 60;
        using var folder = new DataFolder();
        var encoder = new ByteEncoder();
        TransformerSpec spec = ToyModels.Spec(model) with { VocabSize = encoder.VocabSize };
        DataOptions options = folder.Options(folder.WriteDocuments("a.jsonl", 40));
        using DataPipeline data = DataPipeline.Open(options, encoder, seed: 1, threads: 1);
        using BatchLoader loader = data.CreateLoader(Length, Rows, 1);
        using ILoadedProgram program = device.Load(ProgramBuilder.Training(Transformer.Function(spec), fused ? PlanOptions.Litespark : PlanOptions.Baseline, new OptimizerSettings(), Rows, Length));
        ParameterStore.Initialize(program, 7);
        var step = new TrainingStep(program, new OptimizerSettings());

        MicroBatch packed = loader.Next().MicroBatches[0];
        float[] losses = Losses(step, packed);
        List<(int Start, int Count)> documents = [.. Documents(packed)];
        Assert.True(documents.Count > Rows + 2, "rows hold several documents");
        foreach ((int start, int count) in documents)
        {
            using MicroBatch alone = Alone(packed, start, count);
            float[] expected = Losses(step, alone);
            for (int i = 0; i < count; i++)
                Assert.True(Math.Abs(losses[start + i] - expected[i]) <= 1e-5 * Math.Max(1, Math.Abs(expected[i])), $"document at {start}, token {i}: {losses[start + i]} packed, {expected[i]} alone");
        }
    }

    /// <summary>Loss and gradients of the first step's eight rows.</summary>
    (double Loss, Dictionary<string, float[]> Gradients) Gradients(TinyRun tiny, string plan, int rows)
    {
        using TrainingSetup setup = tiny.Open($"training.micro_batch_size={rows}", "training.global_batch_tokens=256", $"engine.plan={plan}");
        using ILoadedProgram program = device.Load(setup.Program);
        ParameterStore.Initialize(program, 1);
        using BatchLoader loader = setup.Data.CreateLoader(32, rows, 8 / rows);
        StepBatch batch = loader.Next();
        Assert.Equal(8 / rows, batch.MicroBatches.Count);
        double loss = new TrainingStep(program, setup.Optimizer).RunGradients(batch.MicroBatches, batch.TargetCount);
        return (loss, ParameterStore.Gradients(program).ReadAll());
    }

    static float[] Losses(TrainingStep step, MicroBatch batch)
    {
        step.Evaluate(batch);
        var losses = new float[batch.Length];
        step.ReadTokenLosses(losses);
        return losses;
    }

    /// <summary>Runs of tokens with the same document start.</summary>
    static IEnumerable<(int Start, int Count)> Documents(MicroBatch batch)
    {
        int start = 0;
        for (int i = 1; i <= batch.Length; i++)
        {
            bool ends = i == batch.Length || i % batch.SequenceLength == 0 || batch.DocumentStarts[i] != batch.DocumentStarts[i - 1];
            if (!ends) continue;
            yield return (start, i - start);
            start = i;
        }
    }

    /// <summary>One document at the start of the first row; the rest is padding.</summary>
    static MicroBatch Alone(MicroBatch packed, int start, int count)
    {
        var alone = new MicroBatch(packed.Rows, packed.SequenceLength);
        for (int i = 0; i < alone.Length; i++)
        {
            bool inside = i < count;
            int column = i % alone.SequenceLength;
            alone.Tokens[i] = inside ? packed.Tokens[start + i] : 0;
            alone.Targets[i] = inside ? packed.Targets[start + i] : MicroBatch.IgnoredTarget;
            alone.DocumentStarts[i] = inside ? 0 : column;
            alone.Positions[i] = inside ? i : 0;
        }

        return alone;
    }
}
