using System.Text;
using System.Text.RegularExpressions;

namespace Litespark.Tokenization.Pipeline;

/// <summary>The first stage: rewrites text. Safe to call from several threads.</summary>
internal abstract class Normalizer
{
    /// <summary>The rewritten text; the same object where nothing changes.</summary>
    public abstract string Apply(string text);
}

/// <summary>Several normalizers, one after another.</summary>
internal sealed class NormalizerSequence(IReadOnlyList<Normalizer> normalizers) : Normalizer
{
    /// <inheritdoc/>
    public override string Apply(string text) => normalizers.Aggregate(text, (current, normalizer) => normalizer.Apply(current));
}

/// <summary>Puts a string before any text that is not empty.</summary>
internal sealed class PrependNormalizer(string prefix) : Normalizer
{
    /// <inheritdoc/>
    public override string Apply(string text) => text.Length == 0 ? text : prefix + text;
}

/// <summary>Replaces a fixed string.</summary>
internal sealed class ReplaceNormalizer(string pattern, string content) : Normalizer
{
    /// <inheritdoc/>
    public override string Apply(string text) => text.Replace(pattern, content, StringComparison.Ordinal);
}

/// <summary>Replaces the matches of a regular expression by a fixed string.</summary>
internal sealed class RegexReplaceNormalizer(Regex regex, string content) : Normalizer
{
    /// <inheritdoc/>
    public override string Apply(string text) => regex.Replace(text, _ => content);
}

/// <summary>Removes white space at the ends.</summary>
internal sealed class StripNormalizer(bool left, bool right) : Normalizer
{
    /// <inheritdoc/>
    public override string Apply(string text)
    {
        text = left ? text.TrimStart() : text;
        return right ? text.TrimEnd() : text;
    }
}

/// <summary>Lower case, one character at a time.</summary>
internal sealed class LowercaseNormalizer : Normalizer
{
    /// <inheritdoc/>
    public override string Apply(string text)
    {
        var lower = new StringBuilder(text.Length);
        for (int i = 0; i < text.Length;)
        {
            char c = text[i];
            if (char.IsHighSurrogate(c) && i + 1 < text.Length)
            {
                lower.Append(Rune.ToLowerInvariant(EscapedText.RuneAt(text, i)).ToString());
                i += 2;
                continue;
            }
            // The one character whose lower case is two: I with a dot.
            if (c == 'İ')
                lower.Append("i\u0307");
            else
                lower.Append(char.ToLowerInvariant(c));
            i++;
        }
        return lower.ToString();
    }
}
