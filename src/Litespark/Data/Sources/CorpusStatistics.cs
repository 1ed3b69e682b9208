namespace Litespark.Data.Sources;

/// <summary>What was counted while a corpus was read.</summary>
internal sealed class CorpusStatistics
{
    const int ExamplesKept = 3;
    readonly List<string> badLineExamples = [];

    /// <summary>Files opened.</summary>
    public long Files { get; set; }

    /// <summary>Documents handed on.</summary>
    public long Documents { get; set; }

    /// <summary>Their bytes of text.</summary>
    public long Bytes { get; set; }

    /// <summary>Documents without any text, left out.</summary>
    public long EmptyDocuments { get; set; }

    /// <summary>Documents that are not valid UTF-8; their bytes are kept as they are.</summary>
    public long InvalidUtf8Documents { get; set; }

    /// <summary>JSON lines that could not be used, left out.</summary>
    public long BadLines { get; private set; }

    /// <summary>Where and why, for the first few bad lines.</summary>
    public IReadOnlyList<string> BadLineExamples => badLineExamples;

    /// <summary>Bytes read from the files, as stored (compressed or not).</summary>
    public long StoredBytesRead { get; set; }

    /// <summary>Counts a bad line.</summary>
    /// <exception cref="UserErrorException">There are now more than <paramref name="limit"/>.</exception>
    public void AddBadLine(string file, long line, string reason, int limit)
    {
        BadLines++;
        string where = $"{file}, line {line}: {reason}";
        if (badLineExamples.Count < ExamplesKept) badLineExamples.Add(where);
        if (BadLines <= limit) return;
        string count = limit == 0 ? "" : $" That is bad line {BadLines} of this source; data.max_bad_lines allows {limit}.";
        throw new UserErrorException($"{where}.{count} Repair the file, or raise data.max_bad_lines to skip such lines.");
    }
}
