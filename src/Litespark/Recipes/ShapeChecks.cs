namespace Litespark.Recipes;

/// <summary>Sizes of a model as far as they are known; null = not known yet.</summary>
internal readonly record struct ShapeFacts(int? HiddenSize, int? Heads, int? KeyValueHeads, int? HeadDim, int? MaxPositions, bool IsGpt2);

/// <summary>Shapes that no transformer can have.</summary>
internal static class ShapeChecks
{
    /// <exception cref="UserErrorException">Sizes don't divide, or the sequence is longer than the model's.</exception>
    public static void Run(LoadedRecipe loaded, ShapeFacts shape)
    {
        if (shape is { HiddenSize: { } hidden, Heads: { } heads })
        {
            bool mustDivide = shape.HeadDim is null || shape.IsGpt2;
            if (mustDivide && hidden % heads != 0)
                throw loaded.Error(Blame(loaded, "model.num_attention_heads", "model.hidden_size"),
                    $"hidden_size {hidden} is not divisible by num_attention_heads {heads}; nearest that are: {NearestMultiples(hidden, heads)}"
                    + (shape.IsGpt2 ? "." : ", or set model.head_dim."));
            if (shape.IsGpt2 && shape.HeadDim is { } width && width * heads != hidden)
                throw loaded.Error("model.head_dim", $"gpt2 needs head_dim × num_attention_heads = hidden_size, but {width} × {heads} ≠ {hidden}; leave head_dim out.");
            int headDim = shape.HeadDim ?? hidden / heads;
            if (!shape.IsGpt2 && headDim % 2 != 0)
                throw loaded.Error(shape.HeadDim is null ? "model.num_attention_heads" : "model.head_dim", $"the head size {headDim} is odd, but rotary positions turn pairs; make it even.");
        }
        if (shape is { Heads: { } queries, KeyValueHeads: { } keys } && queries % keys != 0)
            throw loaded.Error(Blame(loaded, "model.num_key_value_heads", "model.num_attention_heads"),
                $"num_attention_heads {queries} is not divisible by num_key_value_heads {keys}; possible: {string.Join(", ", Enumerable.Range(1, queries).Where(n => queries % n == 0))}.");
        if (shape is { IsGpt2: true, Heads: { } all, KeyValueHeads: { } some } && all != some)
            throw loaded.Error("model.num_key_value_heads", $"gpt2 has no grouped heads; leave it out, or set it to {all}.");
        int length = loaded.Recipe.Training.SequenceLength;
        if (shape.MaxPositions is { } positions && length > positions)
            throw loaded.Error(Blame(loaded, "training.sequence_length", "model.max_position_embeddings"),
                $"sequence_length {length} is longer than the model's max_position_embeddings {positions}; shorten the sequence or raise model.max_position_embeddings.");
    }

    /// <summary>Of two keys that contradict each other, the one the user set, so that the error points at something written.</summary>
    static string Blame(LoadedRecipe loaded, string first, string second) => !loaded.IsSet(first) && loaded.IsSet(second) ? second : first;

    static string NearestMultiples(int value, int divisor)
    {
        int below = value / divisor * divisor;
        return below == 0 ? $"hidden_size {divisor}" : $"hidden_size {below} or {below + divisor}";
    }
}
