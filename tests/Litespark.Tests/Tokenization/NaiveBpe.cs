using System.Text;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Litespark.Tokenization.Pipeline;

namespace Litespark.Tests.Tokenization;

/// <summary>The plainest BPE there is, on strings, to compare with.</summary>
internal static class NaiveBpe
{
    /// <summary>The ids of a text without characters beyond the basic plane.</summary>
    public static List<int> Encode(JsonNode tokenizer, string pattern, string text)
    {
        JsonObject vocab = tokenizer["model"]!["vocab"]!.AsObject();
        List<string> merges = [.. tokenizer["model"]!["merges"]!.AsArray().Select(merge => merge!.GetValue<string>())];
        var ranks = merges.Select((merge, rank) => (merge, rank)).ToDictionary(entry => entry.merge, entry => entry.rank);
        var ids = new List<int>();
        foreach (Match match in Regex.Matches(text, pattern))
        {
            List<string> symbols = ToSymbols(match.Value);
            while (true)
            {
                int best = -1;
                for (int i = 0; i + 1 < symbols.Count; i++)
                {
                    if (Rank(i) < (best < 0 ? int.MaxValue : Rank(best)))
                        best = i;
                }
                if (best < 0)
                    break;
                symbols[best] += symbols[best + 1];
                symbols.RemoveAt(best + 1);
            }
            ids.AddRange(symbols.Select(symbol => vocab[symbol]!.GetValue<int>()));

            int Rank(int i) => ranks.GetValueOrDefault($"{symbols[i]} {symbols[i + 1]}", int.MaxValue);
        }
        return ids;
    }

    /// <summary>The merges that training on texts gives, as tokenizer.json writes them.</summary>
    public static List<string> Train(IEnumerable<string> texts, string pattern, int merges, int minFrequency)
    {
        List<List<string>> words = [.. texts.SelectMany(text => Regex.Matches(text, pattern)).Select(match => ToSymbols(match.Value))];
        List<string> known = [.. Enumerable.Range(0, 256).Select(value => ByteAlphabet.ToChar((byte)value)).Order().Select(c => c.ToString())];
        var result = new List<string>();
        while (known.Count < 256 + merges)
        {
            var counts = new Dictionary<(string Left, string Right), int>();
            foreach (List<string> word in words)
            {
                for (int i = 0; i + 1 < word.Count; i++)
                    counts[(word[i], word[i + 1])] = counts.GetValueOrDefault((word[i], word[i + 1])) + 1;
            }
            var frequent = counts.Where(pair => pair.Value >= minFrequency).ToList();
            if (frequent.Count == 0)
                break;
            (string left, string right) = frequent
                .OrderByDescending(pair => pair.Value)
                .ThenBy(pair => known.IndexOf(pair.Key.Left))
                .ThenBy(pair => known.IndexOf(pair.Key.Right))
                .First().Key;
            result.Add($"{left} {right}");
            if (!known.Contains(left + right))
                known.Add(left + right);
            foreach (List<string> word in words)
            {
                for (int i = 0; i + 1 < word.Count; i++)
                {
                    if (word[i] != left || word[i + 1] != right)
                        continue;
                    word[i] = left + right;
                    word.RemoveAt(i + 1);
                }
            }
        }
        return result;
    }

    static List<string> ToSymbols(string word) => [.. ByteAlphabet.ToText(Encoding.UTF8.GetBytes(word)).Select(c => c.ToString())];
}
