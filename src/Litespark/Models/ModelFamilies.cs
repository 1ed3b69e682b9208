namespace Litespark.Models;

/// <summary>Hugging Face's name of each family: <c>model_type</c> and <c>architectures</c>.</summary>
internal static class ModelFamilies
{
    static readonly (ModelFamily Family, string ModelType, string Architecture)[] s_names =
    [
        (ModelFamily.Llama, "llama", "LlamaForCausalLM"),
        (ModelFamily.Mistral, "mistral", "MistralForCausalLM"),
        (ModelFamily.Qwen2, "qwen2", "Qwen2ForCausalLM"),
        (ModelFamily.Qwen3, "qwen3", "Qwen3ForCausalLM"),
        (ModelFamily.Gpt2, "gpt2", "GPT2LMHeadModel"),
    ];

    /// <summary>All values of <c>model_type</c> that are understood.</summary>
    public static IEnumerable<string> ModelTypes => s_names.Select(entry => entry.ModelType);

    /// <summary>The value of <c>model_type</c>.</summary>
    public static string ModelType(this ModelFamily family) => s_names.First(entry => entry.Family == family).ModelType;

    /// <summary>The class of <c>transformers</c> that builds the family, for <c>architectures</c>.</summary>
    public static string Architecture(this ModelFamily family) => s_names.First(entry => entry.Family == family).Architecture;

    /// <summary>The family of a <c>model_type</c>; null if it is not supported.</summary>
    public static ModelFamily? Find(string modelType)
    {
        foreach (var entry in s_names)
            if (entry.ModelType == modelType)
                return entry.Family;
        return null;
    }
}
