namespace Litespark.Models;

/// <summary>Suggestions for names that were mistyped.</summary>
internal static class NearestName
{
    /// <summary>The candidate that the fewest edits turn <paramref name="name"/> into, among equals the one that begins alike; null if none is close.</summary>
    public static string? Find(string name, IEnumerable<string> candidates)
    {
        string? nearest = candidates.OrderBy(candidate => Distance(name, candidate)).ThenByDescending(candidate => CommonPrefix(name, candidate)).FirstOrDefault();
        return nearest != null && Distance(name, nearest) <= Math.Max(2, name.Length / 3) ? nearest : null;
    }

    static int CommonPrefix(string a, string b) => a.AsSpan().CommonPrefixLength(b);

    /// <summary>Levenshtein's distance without regard to case: insertions, deletions and replacements of one character.</summary>
    static int Distance(string a, string b)
    {
        int[] previous = [.. Enumerable.Range(0, b.Length + 1)];
        int[] current = new int[b.Length + 1];
        for (int i = 1; i <= a.Length; i++)
        {
            current[0] = i;
            for (int j = 1; j <= b.Length; j++)
            {
                int replaced = previous[j - 1] + (char.ToLowerInvariant(a[i - 1]) == char.ToLowerInvariant(b[j - 1]) ? 0 : 1);
                current[j] = Math.Min(replaced, Math.Min(previous[j], current[j - 1]) + 1);
            }
            (previous, current) = (current, previous);
        }
        return previous[b.Length];
    }
}
