using static Litespark.Tests.Recipes.RecipeLoaderTests;

namespace Litespark.Tests.Recipes;

public class RecipeChecksTests
{
    const string Shape = "model: {hidden_size: 64, intermediate_size: 128, num_hidden_layers: 2, num_attention_heads: 4";

    [Theory]
    [InlineData("", "no model is given; set model.preset")]
    [InlineData("model: {hidden_size: 64}", "missing: model.num_hidden_layers, model.num_attention_heads")]
    [InlineData("model: {hidden_size: 64, num_hidden_layers: 2, num_attention_heads: 4}", "model.intermediate_size: without model.preset")]
    [InlineData("model: {preset: a, path: b}", "model.preset (a) is given too")]
    [InlineData("model: {preset: a, hidden_size: 65, num_attention_heads: 4}", "hidden_size 65 is not divisible by num_attention_heads 4; nearest that are: hidden_size 64 or 68")]
    [InlineData(Shape + ", num_key_value_heads: 3}", "num_attention_heads 4 is not divisible by num_key_value_heads 3; possible: 1, 2, 4.")]
    [InlineData(Shape + ", head_dim: 15}", "the head size 15 is odd")]
    [InlineData(Shape + ", max_position_embeddings: 128}\ntraining: {sequence_length: 256}", "test.yaml:2:29: training.sequence_length: sequence_length 256 is longer than the model's max_position_embeddings 128")]
    [InlineData(Shape + ", model_type: gpt2, num_key_value_heads: 2}", "gpt2 has no grouped heads")]
    [InlineData(Shape + ", model_type: gpt2, head_dim: 8}", "gpt2 needs head_dim × num_attention_heads = hidden_size")]
    [InlineData(Shape + ", vocab_size: 300}", "300 rows cannot hold the tokenizer's 4096 tokens")]
    public void An_impossible_model_is_refused(string yaml, string expected) => Assert.Contains(expected, Error(yaml));

    [Theory]
    [InlineData("training: {sequence_length: 128, micro_batch_size: 2, global_batch_tokens: 1000}", "1000 is not a multiple of micro_batch_size × sequence_length = 2 × 128 = 256; 768 or 1024 would be.")]
    [InlineData("training: {sequence_length: 128, micro_batch_size: 2, global_batch_tokens: 100}", "; 256 would be.")]
    [InlineData("training: {sequence_length: 1000000, micro_batch_size: 1000000}", "more than fit into one micro-batch")]
    [InlineData("schedule: {name: wsd, warmup_steps: 400, decay_fraction: 0.9}", "overlap")]
    [InlineData("data: {source: files}", "source 'files' needs data.train")]
    [InlineData("data: {source: synthetic, train: [a]}", "source 'synthetic' takes none")]
    [InlineData("data: {source: dotnet-docs, validation: [a]}", "data.validation: paths are given")]
    [InlineData("data: {train: [a], sources: [{path: b}]}", "data.train is given too")]
    [InlineData("data: {source: files, sources: [{path: b}]}", "data.source is given too")]
    [InlineData("data: {sources: [{weight: 2}]}", "source 'files' needs a path")]
    [InlineData("data: {validation_fraction: 0}", "0 leaves nothing to evaluate on")]
    [InlineData("data: {source: synthetic, synthetic_document_tokens: 1}", "nothing to predict")]
    [InlineData("tokenizer: {special_tokens: [a, a]}", "listed twice")]
    [InlineData("tokenizer: {special_tokens: [\"\"]}", "empty")]
    [InlineData("tokenizer: {vocab_size: 257, special_tokens: [a, b]}", "at least 258")]
    [InlineData("engine: {device: cpu, precision: bfloat16}", "the CPU computes in float32")]
    public void Keys_that_contradict_each_other_are_refused(string yaml, string expected) => Assert.Contains(expected, Error(Minimal + yaml));

    [Theory]
    [InlineData(Shape + "}")]
    [InlineData(Shape + ", head_dim: 32, num_key_value_heads: 1}")]
    [InlineData("model: {preset: a}\ndata: {validation_fraction: 0}\nevaluation: {every_steps: 0}")]
    [InlineData("model: {model_type: gpt2, hidden_size: 64, num_hidden_layers: 2, num_attention_heads: 4}")]
    public void What_is_possible_loads(string yaml) => Load(yaml);
}
