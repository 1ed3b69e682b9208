using System.Collections;
using System.IO.Compression;

namespace Litespark.Tokenization.Pipeline;

/// <summary>
/// What Unicode normalization needs to know of every code point. The base library knows it only through ICU, which is neither always
/// installed nor used where globalization is invariant; normalization must not depend on that.
/// </summary>
internal sealed class UnicodeTables
{
    const int CodePoints = 0x110000;

    static readonly Lazy<UnicodeTables> Loaded = new(() => new UnicodeTables());

    readonly Dictionary<int, byte> classes = [];
    readonly Dictionary<(int First, int Second), int> compositions = [];
    readonly Dictionary<int, int[]> canonical = [];
    readonly Dictionary<int, int[]> compatible = [];

    UnicodeTables()
    {
        using var packed = new MemoryStream(Convert.FromBase64String(UnicodeData.Base64));
        using var stream = new DeflateStream(packed, CompressionMode.Decompress);
        using var reader = new BinaryReader(stream);
        ReadTable(reader, point => classes[point] = (byte)reader.Read7BitEncodedInt());
        ReadTable(reader, point =>
        {
            (int first, int second) = (reader.Read7BitEncodedInt(), reader.Read7BitEncodedInt());
            compositions[(first, second)] = point;
            canonical[point] = [first, second];
        });
        ReadTable(reader, point => canonical[point] = ReadPoints(reader));
        ReadTable(reader, point => compatible[point] = ReadPoints(reader));
        foreach (int point in canonical.Keys.ToArray())
            canonical[point] = [.. Expand(point)];
    }

    /// <summary>The tables, read on first use.</summary>
    public static UnicodeTables Instance => Loaded.Value;

    /// <summary>The canonical combining class; 0 for a starter.</summary>
    public int Class(int point) => classes.GetValueOrDefault(point);

    /// <summary>The full decomposition but for Hangul syllables; null where there is none.</summary>
    public int[]? Decompose(int point, bool compatibly) =>
        compatibly && compatible.TryGetValue(point, out int[]? wide) ? wide : canonical.GetValueOrDefault(point);

    /// <summary>The code point that two compose to, but for Hangul; -1 where there is none.</summary>
    public int Compose(int first, int second) => compositions.GetValueOrDefault((first, second), -1);

    /// <summary>The code points that may be changed by a form, or change others: text without any is in that form already.</summary>
    public BitArray Suspects(bool compatibly, bool composed)
    {
        var suspects = new BitArray(CodePoints);
        foreach (int point in classes.Keys)
            suspects[point] = true;
        foreach (int point in canonical.Keys)
            suspects[point] = !composed;
        if (composed)
        {
            var composing = compositions.Values.ToHashSet();
            foreach (int point in canonical.Keys.Where(point => !composing.Contains(point)))
                suspects[point] = true;
            foreach ((int _, int second) in compositions.Keys)
                suspects[second] = true;
        }
        if (compatibly)
        {
            foreach (int point in compatible.Keys)
                suspects[point] = true;
        }
        // Composed text must not hold loose vowels and finals of Hangul; decomposed text must not hold its syllables.
        (int from, int to) = composed ? (Hangul.FirstVowel, Hangul.FirstFinal + Hangul.Finals) : (Hangul.FirstSyllable, Hangul.EndOfSyllables);
        for (int point = from; point < to; point++)
            suspects[point] = true;
        return suspects;
    }

    static void ReadTable(BinaryReader reader, Action<int> readEntry)
    {
        int point = 0;
        for (int count = reader.Read7BitEncodedInt(); count > 0; count--)
        {
            point += reader.Read7BitEncodedInt();
            readEntry(point);
        }
    }

    static int[] ReadPoints(BinaryReader reader)
    {
        var points = new int[reader.Read7BitEncodedInt()];
        for (int i = 0; i < points.Length; i++)
            points[i] = reader.Read7BitEncodedInt();
        return points;
    }

    IEnumerable<int> Expand(int point) => canonical.TryGetValue(point, out int[]? parts) ? parts.SelectMany(Expand) : [point];
}

/// <summary>Hangul syllables compose and decompose by arithmetic (The Unicode Standard, section 3.12).</summary>
internal static class Hangul
{
    public const int FirstSyllable = 0xAC00;
    public const int FirstLead = 0x1100;
    public const int FirstVowel = 0x1161;
    public const int FirstFinal = 0x11A7;
    public const int Leads = 19;
    public const int Vowels = 21;
    public const int Finals = 28;
    public const int EndOfSyllables = FirstSyllable + Leads * Vowels * Finals;

    /// <summary>Appends the letters of a syllable.</summary>
    public static void Decompose(int syllable, List<int> output)
    {
        int index = syllable - FirstSyllable;
        output.Add(FirstLead + index / (Vowels * Finals));
        output.Add(FirstVowel + index / Finals % Vowels);
        if (index % Finals > 0)
            output.Add(FirstFinal + index % Finals);
    }

    /// <summary>The syllable that two code points make; -1 where they make none.</summary>
    public static int Compose(int first, int second)
    {
        if (first is >= FirstLead and < FirstLead + Leads && second is >= FirstVowel and < FirstVowel + Vowels)
            return FirstSyllable + ((first - FirstLead) * Vowels + second - FirstVowel) * Finals;
        bool open = first is >= FirstSyllable and < EndOfSyllables && (first - FirstSyllable) % Finals == 0;
        return open && second is > FirstFinal and < FirstFinal + Finals ? first + second - FirstFinal : -1;
    }
}
