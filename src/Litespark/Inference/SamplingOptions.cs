namespace Litespark.Inference;

/// <summary>How the next token is chosen. Applied in this order, as Hugging Face does: temperature, then top-k, then top-p.</summary>
public sealed record SamplingOptions
{
    /// <summary>Always the likeliest token.</summary>
    public static readonly SamplingOptions Greedy = new() { Temperature = 0 };

    /// <summary>Divides the logits: below 1 plainer, above 1 wilder, 0 always the likeliest token.</summary>
    public double Temperature { get; init; } = 1;

    /// <summary>Draw among this many likeliest tokens; 0 = all.</summary>
    public int TopK { get; init; }

    /// <summary>Draw among the fewest likeliest tokens that together have this probability, above 0 and at most 1 (Holtzman et al. 2020, nucleus sampling).</summary>
    public double TopP { get; init; } = 1;

    /// <summary>The same seed gives the same tokens.</summary>
    public long Seed { get; init; }

    /// <summary>Checks the ranges.</summary>
    /// <exception cref="UserErrorException">Names the value and what would be right.</exception>
    public void Validate()
    {
        if (!(Temperature >= 0 && double.IsFinite(Temperature))) throw new UserErrorException($"temperature is {Temperature}: it must be a number, 0 or more.");
        if (TopK < 0) throw new UserErrorException($"top_k is {TopK}: it must be 0 (all tokens) or more.");
        if (!(TopP is > 0 and <= 1)) throw new UserErrorException($"top_p is {TopP}: it must be above 0 and at most 1.");
    }
}
