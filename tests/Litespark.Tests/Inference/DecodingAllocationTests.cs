using Litespark.Devices.Cpu;
using Litespark.Inference;
using Litespark.Models;
using Litespark.Tests.Planning;

namespace Litespark.Tests.Inference;

/// <summary>Runs beside no other test: bytes are counted for the whole process.</summary>
[CollectionDefinition("Decoding allocation", DisableParallelization = true)]
[Collection("Decoding allocation")]
public class DecodingAllocationTests
{
    [Fact]
    public void Decoding_allocates_no_managed_bytes()
    {
        using var device = new CpuDevice(2);
        TransformerSpec spec = ToyModels.Spec("llama-tied-gqa");
        using CachedModel model = ToyText.Model(device, spec, 64);
        var sampler = new Sampler(new SamplingOptions { TopK = 20, TopP = 0.9, Seed = 1 }, spec.VocabSize);
        long bytes = ToyText.AllocatedBy(() =>
        {
            model.Clear();
            ReadOnlySpan<int> prompt = [1, 2, 3, 4, 5];
            model.Append(prompt);
            for (int i = 0; i < 10; i++)
            {
                int token = sampler.Sample(model.Logits);
                model.Append(new ReadOnlySpan<int>(in token));
            }
        });
        Assert.Equal(0, bytes);
    }
}
