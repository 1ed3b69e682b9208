using Litespark.Data;
using Xunit.Abstractions;

namespace Litespark.Tests.Peers;

public class TorchPeerTests(ITestOutputHelper output)
{
    const string Config = """
        {"model_type": "qwen2", "hidden_size": 8, "intermediate_size": 12, "num_hidden_layers": 1, "num_attention_heads": 2,
         "num_key_value_heads": 1, "vocab_size": 11, "tie_word_embeddings": true}
        """;

    [Fact]
    public void The_reference_gives_logits_loss_and_every_gradient_and_trains()
    {
        if (!TorchPeer.IsAvailable(out string reason))
        {
            output.WriteLine($"not run: {reason}");
            return;
        }

        string folder = Directory.CreateTempSubdirectory("litespark-peer-").FullName;
        try
        {
            TorchPeer.Make(folder, Config, seed: 3);
            using var batch = new MicroBatch(2, 5);
            for (int i = 0; i < batch.Length; i++)
            {
                batch.Tokens[i] = i % 11;
                batch.Targets[i] = i == 4 ? MicroBatch.IgnoredTarget : (i + 1) % 11;
                batch.Positions[i] = i % 5;
                batch.DocumentStarts[i] = 0;
            }

            Dictionary<string, PeerTensor> result = TorchPeer.Step(folder, batch, new TorchAdamW(6) { LearningRate = 0.02 });
            Dictionary<string, PeerTensor> weights = PeerFile.Read(Path.Combine(folder, "model.safetensors"));

            Assert.Equal([2, 5, 11], result["logits"].Shape);
            Assert.Equal(LossOf(result["logits"].Values, batch.Targets, vocabulary: 11), result["loss"].Values[0], 1e-12);
            foreach ((string name, PeerTensor weight) in weights)
            {
                Assert.Equal(weight.Shape, result["grad." + name].Shape);
                Assert.Equal(weight.Shape, result["weight." + name].Shape);
            }

            Assert.Equal(result["loss"].Values[0], result["losses"].Values[0], 1e-12);
            Assert.True(result["losses"].Values[5] < result["losses"].Values[0]);
            Assert.All(result["grad_norms"].Values, norm => Assert.True(norm > 0));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public void A_relative_error_is_taken_over_the_largest_element_and_not_a_number_is_infinite()
    {
        var tensor = new PeerTensor([3], [0, -4, 2]);
        Assert.Equal(0.25, tensor.RelativeErrorOf([1, -4, 2]));
        Assert.Equal(double.PositiveInfinity, tensor.RelativeErrorOf([0, float.NaN, 2]));
    }

    static double LossOf(double[] logits, ReadOnlySpan<int> targets, int vocabulary)
    {
        double sum = 0;
        int count = 0;
        for (int i = 0; i < targets.Length; i++)
        {
            if (targets[i] < 0) continue;
            ReadOnlySpan<double> row = logits.AsSpan(i * vocabulary, vocabulary);
            double total = 0;
            foreach (double logit in row) total += Math.Exp(logit);
            sum += Math.Log(total) - row[targets[i]];
            count++;
        }

        return sum / count;
    }
}
