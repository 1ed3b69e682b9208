using Litespark.Devices.Cpu;
using Litespark.Inference;

namespace Litespark.Tests.Inference;

public sealed class GeneratorTests : IDisposable
{
    readonly CpuDevice device = new(2);
    readonly Generator generator;

    public GeneratorTests() => generator = Create(64);

    public void Dispose()
    {
        generator.Dispose();
        device.Dispose();
    }

    [Fact]
    public void Pieces_make_up_the_text_and_the_text_is_the_tokens()
    {
        var pieces = new List<string>();
        GenerationResult result = generator.Generate("the cat", Options(30, seed: 1), pieces.Add);
        Assert.Equal(result.Text, string.Concat(pieces));
        Assert.Equal(result.Text, ToyText.Tokenizer.Decode([.. result.Tokens], skipSpecial: true));
        Assert.Equal(30, result.Tokens.Count);
        Assert.Equal(FinishReason.MaxNewTokens, result.FinishReason);
        Assert.Equal(ToyText.Tokenizer.Encode("the cat").Length, result.PromptTokens);
        Assert.True(result.TokensPerSecond > 0 && result.PromptTokensPerSecond > 0);
    }

    [Fact]
    public void The_same_seed_gives_the_same_text_and_greedy_needs_none()
    {
        IReadOnlyList<int> Tokens(GenerationOptions options) => generator.Generate("the", options).Tokens;
        Assert.Equal(Tokens(Options(20, seed: 3)), Tokens(Options(20, seed: 3)));
        Assert.NotEqual(Tokens(Options(20, seed: 3)), Tokens(Options(20, seed: 4)));
        var greedy = new GenerationOptions { MaxNewTokens = 20, Sampling = SamplingOptions.Greedy };
        Assert.Equal(Tokens(greedy), Tokens(greedy with { Sampling = SamplingOptions.Greedy with { Seed = 9 } }));
    }

    [Fact]
    public void Generation_ends_before_a_stop_text()
    {
        string whole = generator.Generate("the", Options(30, seed: 2)).Text;
        string stop = whole.Substring(whole.Length / 2, 3);
        GenerationResult result = generator.Generate("the", Options(30, seed: 2) with { Stop = [stop] });
        Assert.Equal(whole[..whole.IndexOf(stop, StringComparison.Ordinal)], result.Text);
        Assert.Equal(FinishReason.StopText, result.FinishReason);
        Assert.True(result.Tokens.Count < 30);
    }

    [Fact]
    public void Generation_ends_at_a_token_that_ends_texts()
    {
        GenerationResult whole = generator.Generate("the", Options(30, seed: 5));
        int end = whole.Tokens[12], first = whole.Tokens.TakeWhile(token => token != end).Count();
        using var ending = new Generator(ToyText.Model(device, ToyText.Spec(), 64), ToyText.Tokenizer, [end]);
        GenerationResult result = ending.Generate("the", Options(30, seed: 5));
        Assert.Equal(FinishReason.EndOfText, result.FinishReason);
        Assert.Equal(whole.Tokens.Take(first + 1), result.Tokens);
        Assert.Equal(ToyText.Tokenizer.Decode([.. whole.Tokens.Take(first)]), result.Text);
    }

    [Fact]
    public void A_full_context_ends_the_text_and_too_long_a_prompt_is_refused()
    {
        using Generator small = Create(12);
        int[] prompt = [.. ToyText.Tokenizer.Encode("the cat sat on the mat and the log").Take(10)];
        GenerationResult result = small.Generate(prompt, Options(30, seed: 1));
        Assert.Equal(FinishReason.ContextFull, result.FinishReason);
        Assert.Equal(3, result.Tokens.Count); // one off the prompt, two that fit behind it
        var error = Assert.Throws<UserErrorException>(() => small.Generate([.. prompt, .. prompt], Options(1, seed: 1)));
        Assert.Contains("The prompt has 20 tokens; the model takes 12", error.Message);
        Assert.Contains("token 290", Assert.Throws<UserErrorException>(() => small.Generate([290], Options(1, seed: 1))).Message);
    }

    [Fact]
    public void An_empty_prompt_starts_a_document()
        => Assert.Equal(1, generator.Generate("", Options(5, seed: 1)).PromptTokens);

    [Fact]
    public void A_request_to_stop_ends_the_text()
    {
        using var stop = new CancellationTokenSource();
        GenerationResult result = generator.Generate("the", Options(50, seed: 1), _ => stop.Cancel(), stop.Token);
        Assert.Equal(FinishReason.Cancelled, result.FinishReason);
        Assert.True(result.Tokens.Count < 50);
    }

    [Fact]
    public void Wrong_options_are_named()
    {
        Assert.Contains("max_new_tokens is 0", Assert.Throws<UserErrorException>(() => generator.Generate("a", Options(0, seed: 1))).Message);
        Assert.Contains("empty text", Assert.Throws<UserErrorException>(() => generator.Generate("a", Options(1, seed: 1) with { Stop = [""] })).Message);
    }

    /// <summary>The toy model never ends a text by itself.</summary>
    Generator Create(int capacity) => new(ToyText.Model(device, ToyText.Spec(), capacity), ToyText.Tokenizer, []);

    static GenerationOptions Options(int tokens, long seed) => new() { MaxNewTokens = tokens, Sampling = new SamplingOptions { Seed = seed } };
}
