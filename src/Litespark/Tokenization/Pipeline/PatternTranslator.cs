using System.Text;
using System.Text.RegularExpressions;

namespace Litespark.Tokenization.Pipeline;

/// <summary>
/// Rewrites the regular expressions of tokenizer.json (Oniguruma's dialect) into .NET's: possessive quantifiers become atomic groups,
/// a + behind {n,m} repeats the whole, and \w means more than in .NET.
/// </summary>
internal static class PatternTranslator
{
    /// <summary>What \w stands for.</summary>
    const string Word = @"\p{L}\p{M}\p{N}\p{Pc}";

    /// <summary>The options under which the rewritten expression means the same: ^ and $ are at every line's ends.</summary>
    public const RegexOptions Options = RegexOptions.CultureInvariant | RegexOptions.Multiline;

    /// <summary>The same expression for .NET.</summary>
    public static string Translate(string pattern)
    {
        var output = new StringBuilder(pattern.Length + 16);
        var groups = new Stack<int>();
        int atom = 0;
        for (int i = 0; i < pattern.Length;)
        {
            char c = pattern[i];
            if (IsQuantifier(pattern, i, out int end))
            {
                output.Append(pattern, i, end - i);
                if (end < pattern.Length && pattern[end] == '+')
                {
                    bool repeats = c == '{';
                    output.Insert(atom, repeats ? "(?:" : "(?>").Append(repeats ? ")+" : ")");
                    end++;
                }
                i = end;
                continue;
            }
            if (c == ')')
            {
                atom = groups.Count > 0 ? groups.Pop() : output.Length;
                output.Append(c);
                i++;
                continue;
            }
            atom = output.Length;
            end = c switch
            {
                '\\' => EndOfEscape(pattern, i),
                '[' => EndOfClass(pattern, i),
                _ => i + 1,
            };
            if (c == '(')
                groups.Push(atom);
            output.Append(Atom(pattern[i..end]));
            i = end;
        }
        return output.ToString();
    }

    static string Atom(string atom) => atom switch
    {
        @"\w" => $"[{Word}]",
        @"\W" => $"[^{Word}]",
        ['[', ..] => ExpandWord(atom),
        _ => atom,
    };

    /// <summary>A class in which every \w (but not the end of an escaped backslash) is written out.</summary>
    static string ExpandWord(string characterClass)
    {
        var expanded = new StringBuilder(characterClass.Length);
        for (int i = 0; i < characterClass.Length; i++)
        {
            bool escape = characterClass[i] == '\\' && i + 1 < characterClass.Length;
            if (escape && characterClass[i + 1] == 'w')
                expanded.Append(Word);
            else
                expanded.Append(characterClass, i, escape ? 2 : 1);
            i += escape ? 1 : 0;
        }
        return expanded.ToString();
    }

    static bool IsQuantifier(string pattern, int start, out int end)
    {
        end = start + 1;
        if (pattern[start] == '{')
        {
            end = pattern.IndexOf('}', start) + 1;
            if (end == 0 || !pattern.AsSpan(start + 1, end - start - 2).ContainsAnyInRange('0', '9'))
                return false;
        }
        else if (pattern[start] is not ('?' or '*' or '+') || (start > 0 && pattern[start - 1] == '(' && !IsEscaped(pattern, start - 1)))
        {
            return false;
        }
        if (end < pattern.Length && pattern[end] == '?')
            end++;
        return true;
    }

    static bool IsEscaped(string pattern, int index)
    {
        int slashes = 0;
        while (index - slashes > 0 && pattern[index - slashes - 1] == '\\')
            slashes++;
        return slashes % 2 == 1;
    }

    static int EndOfEscape(string pattern, int start)
    {
        int end = Math.Min(start + 2, pattern.Length);
        if (end < pattern.Length && pattern[end - 1] is 'p' or 'P' && pattern[end] == '{')
            end = pattern.IndexOf('}', end) is int close and >= 0 ? close + 1 : pattern.Length;
        return end;
    }

    static int EndOfClass(string pattern, int start)
    {
        int i = start + 1;
        if (i < pattern.Length && pattern[i] == '^')
            i++;
        if (i < pattern.Length && pattern[i] == ']')
            i++;
        while (i < pattern.Length && pattern[i] != ']')
            i = pattern[i] == '\\' ? EndOfEscape(pattern, i) : i + 1;
        return Math.Min(i + 1, pattern.Length);
    }
}
