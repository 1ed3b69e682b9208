namespace Litespark;

/// <summary>"Did you mean …?"</summary>
internal static class NearestName
{
    /// <summary>The candidate that is fewest edits away, among equals the one that begins alike; null where none is near enough to be meant.</summary>
    public static string? Of(string name, IEnumerable<string> candidates)
    {
        int enough = Math.Max(2, name.Length / 3);
        return candidates.Select(candidate => (candidate, Edits: Distance(name.ToLowerInvariant(), candidate.ToLowerInvariant())))
            .Where(pair => pair.Edits <= enough)
            .OrderBy(pair => pair.Edits).ThenByDescending(pair => pair.candidate.AsSpan().CommonPrefixLength(name))
            .Select(pair => pair.candidate).FirstOrDefault();
    }

    /// <summary>Edits (insert, delete, replace, swap neighbours) between two words: Damerau's distance in its optimal-alignment form.</summary>
    internal static int Distance(string a, string b)
    {
        var cost = new int[a.Length + 1, b.Length + 1];
        for (int i = 0; i <= a.Length; i++) cost[i, 0] = i;
        for (int j = 0; j <= b.Length; j++) cost[0, j] = j;
        for (int i = 1; i <= a.Length; i++)
        {
            for (int j = 1; j <= b.Length; j++)
            {
                int best = cost[i - 1, j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
                best = Math.Min(best, Math.Min(cost[i - 1, j], cost[i, j - 1]) + 1);
                if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) best = Math.Min(best, cost[i - 2, j - 2] + 1);
                cost[i, j] = best;
            }
        }
        return cost[a.Length, b.Length];
    }
}
