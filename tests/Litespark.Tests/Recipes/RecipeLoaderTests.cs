using Litespark.Data;
using Litespark.Recipes;

namespace Litespark.Tests.Recipes;

public class RecipeLoaderTests
{
    internal const string Minimal = "model:\n  preset: llama-1m\n";

    internal static Recipe Load(string yaml, params string[] sets) =>
        RecipeLoader.Load(yaml, "test.yaml", sets.Select(RecipeOverride.Parse)).Recipe;

    internal static string Error(string yaml, params string[] sets) =>
        Assert.Throws<UserErrorException>(() => Load(yaml, sets)).Message;

    [Fact]
    public void Keys_that_are_left_out_have_their_defaults()
    {
        Recipe recipe = Load(Minimal);
        Assert.Equal("llama-1m", recipe.Model.Preset);
        Assert.Equal(new TrainingSection(), recipe.Training);
        Assert.Equal(new OptimizerSection(), recipe.Optimizer);
    }

    [Fact]
    public void Values_of_every_kind_are_read()
    {
        Recipe recipe = Load(Minimal + """
              rope_scaling: {factor: 32, low_freq_factor: 1.5}
            data:
              source: files
              train: [a/*.txt, "b c.md"]
              validation: one.txt
              shuffle: false
            training:
              max_tokens: 5000000000
              on_nan: skip
            optimizer: {learning_rate: 3e-4, name: muon}
            engine:
              passes: {fused_qkv: false, chunked_loss: true}
            """);
        Assert.Equal(32, recipe.Model.RopeScaling.Factor);
        Assert.Equal(1.5, recipe.Model.RopeScaling.LowFrequencyFactor);
        Assert.Equal(["a/*.txt", "b c.md"], recipe.Data.Train);
        Assert.Equal(["one.txt"], recipe.Data.Validation);
        Assert.False(recipe.Data.Shuffle);
        Assert.Equal(5_000_000_000, recipe.Training.MaxTokens);
        Assert.Equal(OnNan.Skip, recipe.Training.OnNan);
        Assert.Equal(3e-4, recipe.Optimizer.LearningRate);
        Assert.Equal(OptimizerName.Muon, recipe.Optimizer.Name);
        Assert.False(recipe.Engine.IsPassEnabled("fused_qkv"));
        Assert.True(recipe.Engine.IsPassEnabled("fused_mlp"));
        Assert.False((recipe.Engine with { Plan = PlanName.Baseline }).IsPassEnabled("fused_mlp"));
        Assert.True((recipe.Engine with { Plan = PlanName.Baseline }).IsPassEnabled("chunked_loss"));
        Assert.Throws<ArgumentException>(() => recipe.Engine.IsPassEnabled("fused_everything"));
    }

    [Fact]
    public void Sources_are_mixed_by_weight()
    {
        Recipe recipe = Load(Minimal + "data:\n  sources:\n    - {path: books/*.txt, weight: 2}\n    - {source: dotnet-docs}\n");
        Assert.Equal(["books/*.txt"], recipe.Data.Sources[0].Paths);
        Assert.Equal(2, recipe.Data.Sources[0].Weight);
        Assert.Equal(DataSourceKind.DotNetDocs, recipe.Data.Sources[1].Source);
        Assert.Equal(1, recipe.Data.Sources[1].Weight);
    }

    [Fact]
    public void A_section_with_every_key_commented_out_is_all_defaults() =>
        Assert.Equal(new TrainingSection(), Load(Minimal + "training:\n  # max_steps: 5\n").Training);

    [Fact]
    public void Gradient_accumulation_follows_from_the_batch_in_tokens() =>
        Assert.Equal(4, Load(Minimal + "training: {micro_batch_size: 2, sequence_length: 128, global_batch_tokens: 1024}").Training.GradientAccumulationSteps);

    [Fact]
    public void Warm_up_takes_at_most_half_of_a_short_run() => Assert.Equal(5, Load(Minimal, "training.max_steps=10").WarmupSteps);

    [Theory]
    [InlineData("trainig: {}", "test.yaml:3:1: unknown key 'trainig'; did you mean 'training'?")]
    [InlineData("training:\n  max_step: 5", "test.yaml:4:3: unknown key 'training.max_step'; did you mean 'training.max_steps'?")]
    [InlineData("training:\n  learning_rate: 5", "unknown key 'training.learning_rate'; did you mean 'optimizer.learning_rate'?")]
    [InlineData("max_steps: 5", "unknown key 'max_steps'; did you mean 'training.max_steps'?")]
    [InlineData("parallel: {}", "unknown key 'parallel'")]
    [InlineData("engine: {passes: {fused_qvk: true}}", "did you mean 'engine.passes.fused_qkv'?")]
    [InlineData("energy: {zzzzzzzzzz: 1}", "known here: source, nodes, carbon_intensity, region, pue, price_per_kwh, clocks, tdp_watts")]
    public void An_unknown_key_is_an_error_that_suggests_the_nearest(string yaml, string expected) => Assert.Contains(expected, Error(Minimal + yaml));

    [Theory]
    [InlineData("training: {max_steps: many}", "test.yaml:3:23: training.max_steps: expected integer ≥ 1, found 'many'.")]
    [InlineData("training: {max_steps: 0}", "expected integer ≥ 1, found '0'")]
    [InlineData("training: {max_steps: \"5\"}", "expected integer ≥ 1, found '5'")]
    [InlineData("training: {max_steps: 99999999999}", "expected integer ≥ 1, found '99999999999'")]
    [InlineData("training: {max_steps: 1e3}", "write it in digits only: 1000")]
    [InlineData("training: {max_steps: 1_000}", "write it in digits only: 1000")]
    [InlineData("training: {max_steps: 1.5}", "found '1.5'")]
    [InlineData("training: {max_steps: }", "expected integer ≥ 1, found nothing")]
    [InlineData("training: {max_steps: [1]}", "found a list")]
    [InlineData("training: 5", "training: expected a section of keys (max_steps, max_tokens, sequence_length …), found '5'")]
    [InlineData("optimizer: {learning_rate: 0}", "expected number > 0, found '0'")]
    [InlineData("optimizer: {learning_rate: .inf}", "expected number > 0")]
    [InlineData("optimizer: {learning_rate: NaN}", "expected number > 0")]
    [InlineData("optimizer: {beta1: 1.5}", "expected number from 0 to 0.999999, found '1.5'")]
    [InlineData("data: {shuffle: yes}", "expected true or false, found 'yes'")]
    [InlineData("engine: {device: gpu}", "expected one of auto, cpu, cuda, found 'gpu'")]
    [InlineData("schedule: {name: cosin}", "did you mean 'cosine'?")]
    [InlineData("tokenizer: {special_tokens: []}", "expected list of text, at least 1")]
    [InlineData("data: {sources: [{path: a, wieght: 1}]}", "did you mean 'weight'?")]
    [InlineData("data: {sources: [{path: a, weight: -1}]}", "expected number > 0, found '-1'")]
    public void A_value_of_the_wrong_kind_is_named_with_its_place_and_what_would_be_right(string yaml, string expected) =>
        Assert.Contains(expected, Error(Minimal + yaml));

    [Fact]
    public void All_wrong_keys_are_listed_at_once()
    {
        string[] lines = Error(Minimal + "training: {max_steps: 0, seeed: 1}\nengine: {threads: -1}").Split('\n');
        Assert.Equal(3, lines.Length);
        Assert.All(lines, line => Assert.StartsWith("test.yaml:", line));
    }

    [Theory]
    [InlineData("training:\n\tmax_steps: 5", "test.yaml:2:1: a tab in the indentation")]
    [InlineData("training: {max_steps: 5", "not valid YAML")]
    [InlineData("training: [1, 2\nb: 3", "not valid YAML")]
    [InlineData("description: one: two", "test.yaml:1:17")]
    [InlineData("description: \"abc", "not valid YAML")]
    [InlineData("training: {max_steps: 1}\ntraining: {seed: 1}", "test.yaml:2:1: the key 'training' is given twice (first at test.yaml:1:1)")]
    [InlineData("training:\n  seed: 1\n  seed: 2", "test.yaml:3:3: the key 'seed' is given twice")]
    [InlineData("data: {train: *.txt}", "put quotes around it")]
    [InlineData("data: &a {train: []}", "anchor")]
    [InlineData("training: !!map {}", "YAML tag")]
    [InlineData("a: 1\n---\nb: 2", "test.yaml:2:1: a second YAML document")]
    [InlineData("- a\n- b", "a recipe is a mapping of sections")]
    [InlineData("? [a]\n: b", "a key must be a plain word")]
    public void Bad_yaml_is_named_with_its_place(string yaml, string expected) => Assert.Contains(expected, Error(yaml));

    [Fact]
    public void A_file_that_is_not_there_is_a_user_error() =>
        Assert.Contains("nowhere.yaml: the recipe cannot be read", Assert.Throws<UserErrorException>(() => RecipeLoader.LoadFile("nowhere.yaml")).Message);
}
