namespace Litespark.Tokenization.Pipeline;

/// <summary>The special tokens that go around a text (tokenizer.json's "post_processor").</summary>
/// <param name="Before">Ids before the text.</param>
/// <param name="After">Ids behind it.</param>
internal sealed record SpecialTemplate(int[] Before, int[] After)
{
    /// <summary>Nothing around the text.</summary>
    public static SpecialTemplate Empty { get; } = new([], []);

    /// <summary>This template with <paramref name="outer"/> around it.</summary>
    public SpecialTemplate Within(SpecialTemplate outer) => new([.. outer.Before, .. Before], [.. After, .. outer.After]);
}
