using Litespark.Data.Loading;

namespace Litespark.Tests.Data;

public class LoadingTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(64)]
    [InlineData(1000)]
    [InlineData(65537)]
    public void A_permutation_holds_every_index_once(int count)
    {
        for (ulong seed = 0; seed < 3; seed++)
        {
            Permutation order = new(count, seed);
            Assert.Equal(Enumerable.Range(0, count).Select(i => (long)i), Enumerable.Range(0, count).Select(i => order[i]).Order());
        }
    }

    [Fact]
    public void Permutations_of_different_seeds_differ_and_mix_well()
    {
        const int count = 10_000;
        Permutation a = new(count, 1);
        Permutation b = new(count, 2);
        int same = Enumerable.Range(0, count).Count(i => a[i] == b[i]);
        Assert.InRange(same, 0, 10); // One is expected by chance.
        int neighbours = Enumerable.Range(0, count - 1).Count(i => Math.Abs(a[i + 1] - a[i]) == 1);
        Assert.InRange(neighbours, 0, 15); // Two are expected.
        double mean = Enumerable.Range(0, count / 10).Average(i => (double)a[i]);
        Assert.InRange(mean, count * 0.45, count * 0.55);
    }

    [Fact]
    public void Rows_are_shared_out_by_weight_at_every_moment()
    {
        double[] weights = [0.7, 0.2, 0.1, 1.3];
        SourceMixer mixer = new(weights);
        for (int row = 1; row <= 5000; row++)
        {
            mixer.Next();
            for (int i = 0; i < weights.Length; i++) Assert.InRange(mixer.Rows[i] - row * weights[i] / 2.3, -2, 2);
        }
    }

    [Fact]
    public void Mixing_continues_where_it_stood()
    {
        SourceMixer whole = new([3, 1, 0.5]);
        for (int i = 0; i < 100; i++) whole.Next();
        SourceMixer resumed = new([3, 1, 0.5]);
        whole.Rows.CopyTo(resumed.Rows);
        for (int i = 0; i < 100; i++) Assert.Equal(whole.Next(), resumed.Next());
    }

    [Fact]
    public void Synthetic_tokens_depend_on_seed_and_place_only()
    {
        int[] all = new int[1000];
        new SyntheticTokenSource(500, 1, 0).Read(all);
        Assert.InRange(all.Min(), 0, 5);
        Assert.InRange(all.Max(), 494, 499);
        SyntheticTokenSource source = new(500, 1, 0) { Position = new TokenPosition(0, 0, 123) };
        int[] some = new int[100];
        source.Read(some);
        Assert.Equal(all[123..223], some);
        new SyntheticTokenSource(500, 2, 0).Read(some);
        Assert.NotEqual(all[..100], some);
    }

    [Fact]
    public void Synthetic_documents_have_the_length_asked_for()
    {
        SyntheticTokenSource source = new(500, 1, 10);
        int[] tokens = new int[64];
        Assert.Equal(10, source.Read(tokens));
        Assert.Equal(0, tokens[9]);
        Assert.True(source.AtDocumentStart);
        Assert.Equal(7, source.Read(tokens.AsSpan(0, 7)));
        Assert.False(source.AtDocumentStart);
        Assert.Equal(3, source.Read(tokens));
        Assert.Equal(new TokenPosition(0, 2, 0), source.Position);
    }

    [Fact]
    public void A_state_survives_json()
    {
        LoaderState state = new(42, "abc", [new SourceState(new TokenPosition(1, 2, 3), 4), new SourceState(new TokenPosition(long.MaxValue, 0, 7), 9)]);
        LoaderState read = LoaderState.FromJson(System.Text.Json.Nodes.JsonNode.Parse(state.ToJson().ToJsonString()));
        Assert.Equal(state.Sources, read.Sources);
        Assert.Equal((state.Seed, state.Corpus, 1), (read.Seed, read.Corpus, read.Epoch));
        Assert.Throws<UserErrorException>(() => LoaderState.FromJson(System.Text.Json.Nodes.JsonNode.Parse("{\"seed\": 1}")));
        Assert.Throws<UserErrorException>(() => LoaderState.FromJson(null));
    }
}
