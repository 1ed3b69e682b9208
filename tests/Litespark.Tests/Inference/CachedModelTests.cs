using Litespark.Devices.Cpu;
using Litespark.Inference;
using Litespark.Models;
using Litespark.Planning;
using Litespark.Tests.Planning;

namespace Litespark.Tests.Inference;

public sealed class CachedModelTests : IDisposable
{
    const int Length = 45; // neither a bucket nor a sum of equal ones

    readonly CpuDevice device = new(2);

    public void Dispose() => device.Dispose();

    [Theory]
    [MemberData(nameof(ToyModels.Names), MemberType = typeof(ToyModels))]
    public void Cached_logits_are_those_of_the_whole_text_however_it_is_split(string family)
    {
        TransformerSpec spec = ToyModels.Spec(family);
        int[] tokens = Tokens(spec, Length, 5);
        float[] expected = ToyText.FullLogits(device, spec, tokens);
        foreach (PlanOptions plan in (PlanOptions[])[PlanOptions.Baseline, PlanOptions.Litespark])
        {
            using CachedModel model = ToyText.Model(device, spec, Length, plan);
            foreach (int[] pieces in Splits())
            {
                model.Clear();
                foreach (int count in pieces)
                {
                    model.Append(tokens.AsSpan(model.Length, count));
                    AssertRow(expected, model, $"{family}, {count} of {string.Join('+', pieces)}");
                }

                Assert.Equal(Length, model.Length);
            }
        }
    }

    [Theory]
    [MemberData(nameof(ToyModels.Names), MemberType = typeof(ToyModels))]
    public void Greedy_tokens_are_the_likeliest_of_the_whole_text_computed_again(string family)
    {
        TransformerSpec spec = ToyModels.Spec(family);
        using CachedModel model = ToyText.Model(device, spec, 64);
        var sampler = new Sampler(SamplingOptions.Greedy, spec.VocabSize);
        var text = new List<int>(Tokens(spec, 7, 9));
        model.Append([.. text]);
        while (text.Count < 40)
        {
            text.Add(sampler.Sample(model.Logits));
            model.Append([text[^1]]);
        }

        float[] logits = ToyText.FullLogits(device, spec, [.. text]);
        for (int t = 6; t + 1 < text.Count; t++)
        {
            ReadOnlySpan<float> row = logits.AsSpan(t * spec.VocabSize, spec.VocabSize);
            float best = float.MinValue;
            foreach (float logit in row) best = Math.Max(best, logit);
            Assert.True(row[text[t + 1]] >= best - 1e-4 * Math.Abs(best), $"{family}: token {t + 1} has logit {row[text[t + 1]]}, the best is {best}");
        }
    }

    [Fact]
    public void Nothing_of_an_earlier_text_is_left_after_clearing()
    {
        TransformerSpec spec = ToyModels.Spec("llama");
        int[] tokens = Tokens(spec, 21, 3);
        using CachedModel fresh = ToyText.Model(device, spec, 64), used = ToyText.Model(device, spec, 64);
        used.Append(Tokens(spec, 64, 4));
        used.Clear();
        fresh.Append(tokens);
        used.Append(tokens);
        Assert.Equal(fresh.Logits.ToArray(), used.Logits.ToArray());
    }

    [Fact]
    public void Tokens_that_do_not_fit_are_refused_and_change_nothing()
    {
        TransformerSpec spec = ToyModels.Spec("gpt2");
        using CachedModel model = ToyText.Model(device, spec, 10);
        model.Append([1, 2, 3]);
        Assert.Throws<ArgumentException>(() => model.Append(new int[8]));
        Assert.Throws<ArgumentException>(() => model.Append([spec.VocabSize]));
        Assert.Throws<ArgumentException>(() => model.Append([-1]));
        Assert.Equal(3, model.Length);
        model.Append(new int[7]);
        Assert.Equal(10, model.Length);
    }

    [Fact]
    public void Weights_are_copied_only_between_equal_models()
    {
        ITensorStore small = ToyText.RandomWeights(device, ToyModels.Spec("llama"));
        using var other = new CachedModel(device, Transformer.Function(ToyModels.Spec("llama") with { IntermediateSize = 44 }), 4);
        using var biased = new CachedModel(device, Transformer.Function(ToyModels.Spec("llama-biased")), 4);
        Assert.Contains("[44, 24] is wanted", Assert.Throws<ArgumentException>(() => WeightCopy.CopyWeights(small, other.Weights)).Message);
        Assert.Contains("no tensor", Assert.Throws<ArgumentException>(() => WeightCopy.CopyWeights(small, biased.Weights)).Message);
    }

    static IEnumerable<int[]> Splits()
    {
        yield return [Length];
        yield return [.. Enumerable.Repeat(1, Length)];
        yield return [3, 17, 1, 1, 20, 3];
        yield return [33, 12];
    }

    static int[] Tokens(TransformerSpec spec, int count, int seed)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(_ => random.Next(spec.VocabSize))];
    }

    static void AssertRow(float[] expected, CachedModel model, string what)
    {
        int vocabulary = model.VocabSize;
        ReadOnlySpan<float> row = expected.AsSpan((model.Length - 1) * vocabulary, vocabulary);
        float scale = 0;
        foreach (float logit in row) scale = Math.Max(scale, Math.Abs(logit));
        for (int i = 0; i < vocabulary; i++)
            Assert.True(Math.Abs(row[i] - model.Logits[i]) <= 2e-5 * scale, $"{what}, at {model.Length}: logit {i} is {model.Logits[i]}, not {row[i]}");
    }
}
