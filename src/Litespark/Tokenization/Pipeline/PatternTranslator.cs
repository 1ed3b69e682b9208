using System.Text;

namespace Litespark.Tokenization.Pipeline;

/// <summary>Rewrites the regular expressions of tokenizer.json (Oniguruma's dialect) into .NET's: possessive quantifiers become atomic groups.</summary>
internal static class PatternTranslator
{
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
                bool possessive = end < pattern.Length && pattern[end] == '+' && c != '{';
                output.Append(pattern, i, end - i);
                if (possessive)
                {
                    output.Insert(atom, "(?>").Append(')');
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
            output.Append(pattern, i, end - i);
            i = end;
        }
        return output.ToString();
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
