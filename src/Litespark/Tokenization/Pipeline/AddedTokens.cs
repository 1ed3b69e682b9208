using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;

namespace Litespark.Tokenization.Pipeline;

/// <summary>A token that is found in the text itself, before the model sees it; members as in tokenizer.json's "added_tokens".</summary>
/// <param name="Id">Its id.</param>
/// <param name="Content">Its text.</param>
/// <param name="SingleWord">Only where no word character is next to it.</param>
/// <param name="LeftStrip">Takes the white space before it along.</param>
/// <param name="RightStrip">Takes the white space behind it along.</param>
/// <param name="Normalized">Looked for in the normalized text, by its normalized content.</param>
/// <param name="Special">Controls the model rather than being text: left out where special tokens are skipped.</param>
internal sealed record AddedToken(int Id, string Content, bool SingleWord, bool LeftStrip, bool RightStrip, bool Normalized, bool Special);

/// <summary>Finds added tokens in text: leftmost first, the longest of those that start at one place.</summary>
internal sealed class AddedTokenFinder
{
    readonly Dictionary<string, AddedToken> byText = [];
    readonly Dictionary<char, int[]> lengths;
    readonly SearchValues<char> firsts;

    /// <summary>A finder of the given tokens, each by its text.</summary>
    public AddedTokenFinder(IEnumerable<(string Text, AddedToken Token)> tokens)
    {
        foreach ((string text, AddedToken token) in tokens)
        {
            if (text.Length > 0)
                byText[text] = token;
        }
        lengths = byText.Keys.GroupBy(text => text[0]).ToDictionary(
            group => group.Key,
            group => group.Select(text => text.Length).Distinct().OrderDescending().ToArray());
        firsts = SearchValues.Create([.. lengths.Keys]);
    }

    /// <summary>
    /// Cuts <paramref name="text"/> into added tokens and the pieces between them (id -1).
    /// Special tokens are taken for text unless <paramref name="special"/>.
    /// </summary>
    public void Cut(ReadOnlySpan<char> text, bool special, List<(Piece Piece, int Id)> output)
    {
        int done = 0;
        for (int at = 0; at < text.Length;)
        {
            int found = byText.Count == 0 ? -1 : text[at..].IndexOfAny(firsts);
            if (found < 0)
                break;
            at += found;
            if (!TryMatch(text, at, out int length, out AddedToken? token))
            {
                at++;
                continue;
            }
            int start = at;
            int end = at + length;
            at = end;
            if ((token.Special && !special) || (token.SingleWord && (EndsWithWord(text[..start]) || StartsWithWord(text[end..]))))
                continue;
            if (token.LeftStrip)
                start = Math.Max(done, text[..start].TrimEnd().Length);
            if (token.RightStrip)
                end = text.Length - text[end..].TrimStart().Length;
            if (start > done)
                output.Add((new Piece(done, start), -1));
            output.Add((new Piece(Math.Max(start, done), end), token.Id));
            done = end;
        }
        if (done < text.Length)
            output.Add((new Piece(done, text.Length), -1));
    }

    /// <summary>
    /// The longest token at a place. Vocabularies hold hundreds that begin alike but have few lengths: one look-up per length.
    /// </summary>
    bool TryMatch(ReadOnlySpan<char> text, int at, out int length, [NotNullWhen(true)] out AddedToken? token)
    {
        var lookup = byText.GetAlternateLookup<ReadOnlySpan<char>>();
        foreach (int candidate in lengths[text[at]])
        {
            length = candidate;
            if (at + length <= text.Length && lookup.TryGetValue(text.Slice(at, length), out token))
                return true;
        }
        (length, token) = (0, null);
        return false;
    }

    static bool StartsWithWord(ReadOnlySpan<char> text) => text.Length > 0 && IsWord(text, 0);

    static bool EndsWithWord(ReadOnlySpan<char> text)
    {
        if (text.Length == 0)
            return false;
        int last = text.Length - 1;
        return IsWord(text, last > 0 && char.IsLowSurrogate(text[last]) && char.IsHighSurrogate(text[last - 1]) ? last - 1 : last);
    }

    /// <summary>Unicode's word characters (UTS 18): letters, marks, decimal digits, letter-like numbers, connectors and joiners.</summary>
    static bool IsWord(ReadOnlySpan<char> text, int index)
    {
        if (text[index] is '\u200C' or '\u200D')
            return true;
        UnicodeCategory category = char.IsSurrogate(text[index]) && !EscapedText.IsEscape(text[index])
            ? CharUnicodeInfo.GetUnicodeCategory(EscapedText.RuneAt(text, index).Value)
            : CharUnicodeInfo.GetUnicodeCategory(text[index]);
        return category is <= UnicodeCategory.LetterNumber or UnicodeCategory.ConnectorPunctuation;
    }
}
