using System.Collections;
using System.Text;

namespace Litespark.Tokenization.Pipeline;

/// <summary>The four Unicode normalization forms (Unicode Standard Annex 15): NFC, NFD, NFKC, NFKD.</summary>
/// <param name="compatible">Compatibility forms (K): ligatures, widths and the like are taken apart too.</param>
/// <param name="composed">Composed forms (C).</param>
internal sealed class UnicodeNormalizer(bool compatible, bool composed) : Normalizer
{
    /// <summary>No code point below it is changed by any form.</summary>
    const char FirstSuspect = '\u00A0';

    readonly UnicodeTables tables = UnicodeTables.Instance;
    readonly BitArray suspects = UnicodeTables.Instance.Suspects(compatible, composed);

    /// <inheritdoc/>
    public override string Apply(string text)
    {
        if (!HasSuspects(text))
            return text;
        List<int> points = Decompose(text);
        Reorder(points);
        if (composed)
            Compose(points);
        var result = new StringBuilder(text.Length);
        foreach (int point in points)
        {
            if (point <= char.MaxValue)
                result.Append((char)point); // escaped bytes are lone surrogates, so no Rune
            else
                result.Append(char.ConvertFromUtf32(point));
        }
        return result.ToString();
    }

    bool HasSuspects(string text)
    {
        for (int i = 0; i < text.Length; i++)
        {
            if (text[i] < FirstSuspect)
                continue;
            int point = PointAt(text, ref i);
            if (suspects[point])
                return true;
        }
        return false;
    }

    /// <summary>The code point at <paramref name="index"/>, which is moved to its last UTF-16 unit.</summary>
    static int PointAt(string text, ref int index)
    {
        char c = text[index];
        if (!char.IsHighSurrogate(c) || index + 1 >= text.Length || !char.IsLowSurrogate(text[index + 1]))
            return c;
        return char.ConvertToUtf32(c, text[++index]);
    }

    List<int> Decompose(string text)
    {
        var points = new List<int>(text.Length + 16);
        for (int i = 0; i < text.Length; i++)
        {
            int point = PointAt(text, ref i);
            if (point < FirstSuspect)
                points.Add(point);
            else if (point is >= Hangul.FirstSyllable and < Hangul.EndOfSyllables)
                Hangul.Decompose(point, points);
            else if (tables.Decompose(point, compatible) is int[] parts)
                points.AddRange(parts);
            else
                points.Add(point);
        }
        return points;
    }

    /// <summary>Sorts every run of marks by combining class, equal classes in their old order.</summary>
    void Reorder(List<int> points)
    {
        for (int start = 0; start < points.Count; start++)
        {
            if (points[start] < FirstSuspect || tables.Class(points[start]) == 0)
                continue;
            int end = start + 1;
            while (end < points.Count && tables.Class(points[end]) != 0)
                end++;
            if (end - start > 1)
            {
                int[] sorted = [.. points[start..end].OrderBy(tables.Class)];
                for (int i = 0; i < sorted.Length; i++)
                    points[start + i] = sorted[i];
            }
            start = end;
        }
    }

    void Compose(List<int> points)
    {
        const int NoStarter = -1;
        int written = 0;
        int starter = NoStarter;
        int lastClass = 0;
        for (int i = 0; i < points.Count; i++)
        {
            int point = points[i];
            int ownClass = point < FirstSuspect ? 0 : tables.Class(point);
            // A character is blocked from the starter by one of the same or a higher class between them.
            bool open = starter != NoStarter && (starter == written - 1 || lastClass < ownClass);
            if (open && ComposePair(points[starter], point) is int joined and >= 0)
            {
                points[starter] = joined;
                continue;
            }
            if (ownClass == 0)
                starter = written;
            lastClass = ownClass;
            points[written++] = point;
        }
        points.RemoveRange(written, points.Count - written);
    }

    int ComposePair(int first, int second)
    {
        if (second < FirstSuspect)
            return -1;
        int syllable = Hangul.Compose(first, second);
        return syllable >= 0 ? syllable : tables.Compose(first, second);
    }
}
