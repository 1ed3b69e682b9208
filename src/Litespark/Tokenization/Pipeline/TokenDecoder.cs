using System.Text;

namespace Litespark.Tokenization.Pipeline;

/// <summary>A step of the decoder that changes one token at a time.</summary>
internal abstract record TokenStep
{
    /// <summary>The token's text is of GPT-2's byte alphabet.</summary>
    public sealed record Bytes : TokenStep;

    /// <summary>Tokens &lt;0xNN&gt; are bytes.</summary>
    public sealed record Fallback : TokenStep;

    /// <summary>A fixed string is replaced.</summary>
    public sealed record Replace(string Pattern, string Content) : TokenStep;

    /// <summary>A character is removed from the ends, up to so many times.</summary>
    public sealed record Strip(char Content, int Start, int Stop) : TokenStep;
}

/// <summary>What the decoder does; the parts of tokenizer.json's "decoder".</summary>
internal sealed class DecoderRules
{
    /// <summary>Steps on each token, in order.</summary>
    public List<TokenStep> Steps { get; } = [];

    /// <summary>The first token loses these characters altogether (Metaspace with a prepended marker); null: none.</summary>
    public char? DropsFromFirst { get; set; }

    /// <summary>What is removed from the ends of the whole text; null: nothing.</summary>
    public TokenStep.Strip? WholeStrip { get; set; }
}

/// <summary>The bytes of every token, and how they join to text.</summary>
internal sealed class TokenDecoder
{
    readonly byte[]?[] bytes;
    readonly byte[]?[]? firstBytes;

    /// <summary>Works out the bytes of every token.</summary>
    /// <param name="tokens">Token texts by id, added tokens included.</param>
    /// <param name="added">Which ids are added tokens: these are never in the byte alphabet.</param>
    /// <param name="rules">The decoder.</param>
    public TokenDecoder(IReadOnlyList<string?> tokens, IReadOnlySet<int> added, DecoderRules rules)
    {
        Rules = rules;
        bytes = new byte[]?[tokens.Count];
        for (int id = 0; id < bytes.Length; id++)
            bytes[id] = tokens[id] is string token ? Apply(token, rules.Steps, added.Contains(id)) : null;
        if (rules.DropsFromFirst is not char dropped)
            return;
        firstBytes = new byte[]?[tokens.Count];
        for (int id = 0; id < bytes.Length; id++)
        {
            if (tokens[id]?.Contains(dropped) == true)
                firstBytes[id] = Apply(tokens[id]!.Replace(dropped.ToString(), ""), rules.Steps, added.Contains(id));
        }
    }

    /// <summary>The rules.</summary>
    public DecoderRules Rules { get; }

    /// <summary>The bytes of a token in the middle of a text; empty for an id that is not used.</summary>
    public ReadOnlySpan<byte> Bytes(int id) => (uint)id < (uint)bytes.Length ? bytes[id] : default;

    /// <summary>The bytes of a token at the beginning of a text.</summary>
    public ReadOnlySpan<byte> FirstBytes(int id) =>
        firstBytes is not null && (uint)id < (uint)firstBytes.Length && firstBytes[id] is byte[] first ? first : Bytes(id);

    static byte[] Apply(string token, List<TokenStep> steps, bool isAdded)
    {
        foreach (TokenStep step in steps)
        {
            switch (step)
            {
                case TokenStep.Bytes when !isAdded && ByteAlphabet.TryToBytes(token) is byte[] mapped:
                    return mapped;
                case TokenStep.Fallback when FallbackByte(token) is int value and >= 0:
                    return [(byte)value];
                case TokenStep.Replace replace:
                    token = token.Replace(replace.Pattern, replace.Content, StringComparison.Ordinal);
                    break;
                case TokenStep.Strip strip:
                    token = StripEnds(token, strip);
                    break;
            }
        }
        return Encoding.UTF8.GetBytes(token);
    }

    static string StripEnds(string token, TokenStep.Strip strip)
    {
        int start = 0;
        while (start < strip.Start && start < token.Length && token[start] == strip.Content)
            start++;
        int end = token.Length;
        while (token.Length - end < strip.Stop && end > start && token[end - 1] == strip.Content)
            end--;
        return token[start..end];
    }

    static int FallbackByte(string token)
    {
        bool shaped = token.Length == 6 && token.StartsWith("<0x", StringComparison.Ordinal) && token[5] == '>';
        return shaped && byte.TryParse(token.AsSpan(3, 2), System.Globalization.NumberStyles.AllowHexSpecifier, null, out byte value) ? value : -1;
    }
}
