namespace Litespark.Tokenization.Pipeline;

internal sealed class UnicodeNormalizer(bool compatible, bool composed) : Normalizer
{
    public override string Apply(string text) => compatible && composed ? text : text;
}
