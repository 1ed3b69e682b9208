using System.Text;
using Litespark.Data;
using Litespark.Data.Loading;
using Litespark.Devices.Cpu;
using Litespark.Inference;
using Litespark.Models;

namespace Litespark.Tests.Inference;

public sealed class EvaluatorTests : IDisposable
{
    const int Rows = 2, SequenceLength = 16;

    readonly CpuDevice device = new(2);
    readonly TemporaryFolder folder = new();

    public void Dispose()
    {
        folder.Dispose();
        device.Dispose();
    }

    [Theory]
    [InlineData("llama-tied-gqa")]
    [InlineData("gpt2")]
    public void Loss_is_the_mean_over_all_targets_and_bits_are_per_byte_of_text(string family)
    {
        TransformerSpec spec = ToyText.Spec(family);
        string[] documents = ["the cat sat on the mat.", "where is the dog? on the log.", "naïve café", "the end"];
        using DataPipeline data = Open(documents);
        using ValidationLoader validation = data.CreateValidation(SequenceLength, Rows, long.MaxValue)!;

        (double sum, long targets) = ByHand(spec, validation);
        using var evaluator = new Evaluator(device, Transformer.Function(spec), Rows, SequenceLength);
        WeightCopy.CopyWeights(ToyText.RandomWeights(device, spec), evaluator.Weights);
        double done = 0;
        EvaluationResult result = evaluator.Evaluate(validation, share => done = share);

        long bytes = documents.Sum(text => Encoding.UTF8.GetByteCount(text));
        double mean = sum / targets;
        Assert.Equal(targets, result.Tokens);
        Assert.Equal(bytes, result.Bytes);
        Assert.Equal(mean, result.Loss, 1e-5 * mean);
        Assert.Equal(Math.Exp(result.Loss), result.Perplexity);
        Assert.Equal(mean / Math.Log(2) * validation.Tokens / bytes, result.BitsPerByte!.Value, 1e-4);
        Assert.Equal(1, done);
        Assert.Equal(result, evaluator.Evaluate(validation));
    }

    [Fact]
    public void An_evaluation_can_be_cancelled()
    {
        TransformerSpec spec = ToyText.Spec();
        using DataPipeline data = Open(["the cat sat on the mat."]);
        using ValidationLoader validation = data.CreateValidation(SequenceLength, Rows, long.MaxValue)!;
        using var evaluator = new Evaluator(device, Transformer.Function(spec), Rows, SequenceLength);
        Assert.Throws<OperationCanceledException>(() => evaluator.Evaluate(validation, null, new CancellationToken(canceled: true)));
    }

    DataPipeline Open(string[] documents)
    {
        string path = folder.File("held-out.jsonl");
        File.WriteAllLines(path, documents.Select(text => $"{{\"text\": \"{text}\"}}"));
        var options = new DataOptions { Source = DataSourceKind.Synthetic, Validation = [path], CacheDir = folder.File("cache") };
        return DataPipeline.Open(options, ToyText.Tokenizer, 1, 1);
    }

    (double Sum, long Targets) ByHand(TransformerSpec spec, ValidationLoader validation)
    {
        double sum = 0;
        long count = 0;
        validation.Reset();
        while (validation.TryNext(out MicroBatch batch, out _))
        {
            float[] logits = ToyText.FullLogits(device, spec, batch);
            for (int i = 0; i < batch.Length; i++)
            {
                if (batch.Targets[i] == MicroBatch.IgnoredTarget) continue;
                float[] row = logits[(i * spec.VocabSize)..((i + 1) * spec.VocabSize)];
                sum += Math.Log(row.Sum(logit => Math.Exp(logit))) - row[batch.Targets[i]];
                count++;
            }
        }

        return (sum, count);
    }
}
