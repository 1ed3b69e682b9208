using Litespark.Models;
using Litespark.Planning;
using Litespark.Recipes;
using Litespark.Tokenization;

namespace Litespark.Inference;

/// <summary>Sample texts of a model in training. Its memory is held only while it writes.</summary>
/// <param name="device">Where it runs.</param>
/// <param name="spec">The architecture.</param>
/// <param name="tokenizer">The tokenizer.</param>
/// <param name="recipe">Prompt, length and temperature of the samples (<c>logging</c>) and the seed.</param>
public sealed class SampleWriter(IDevice device, TransformerSpec spec, Tokenizer tokenizer, Recipe recipe)
{
    /// <summary>Writes a sample with the weights of another program.</summary>
    /// <param name="weights">The weights; they are copied.</param>
    /// <param name="number">Number of the sample: each draws differently, and the same from run to run.</param>
    /// <returns>The prompt and what the model makes of it.</returns>
    public string Write(ITensorStore weights, int number)
    {
        LoggingSection logging = recipe.Logging;
        int[] prompt = Generator.EncodePrompt(tokenizer, logging.SamplePrompt);
        using var generator = Generator.Create(device, spec, tokenizer, prompt.Length + logging.SampleTokens);
        WeightCopy.CopyWeights(weights, generator.Model.Weights);
        var options = new GenerationOptions
        {
            MaxNewTokens = logging.SampleTokens,
            Sampling = new SamplingOptions { Temperature = logging.SampleTemperature, Seed = recipe.Training.Seed + (long)number * 1_000_003 },
        };
        return logging.SamplePrompt + generator.Generate(prompt, options).Text;
    }
}
