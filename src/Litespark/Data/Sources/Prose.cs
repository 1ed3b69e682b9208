using System.Text;

namespace Litespark.Data.Sources;

/// <summary>Builds plain text out of mark-up: runs of white space become one space, breaks are asked for.</summary>
/// <param name="oneLine">Breaks are spaces too: for the entries of a list.</param>
internal sealed class Prose(bool oneLine = false)
{
    readonly StringBuilder text = new();
    bool space;
    int breaks;

    /// <summary>Adds running text.</summary>
    public Prose Add(string words)
    {
        foreach (char c in words)
        {
            if (char.IsWhiteSpace(c))
            {
                space = true;
                continue;
            }
            WriteGap();
            text.Append(c);
        }
        return this;
    }

    /// <summary>Adds lines as they stand, set apart from what surrounds them.</summary>
    public Prose AddVerbatim(string lines)
    {
        if (oneLine) return Add(lines);
        string trimmed = lines.ReplaceLineEndings("\n").Trim('\n').TrimEnd();
        if (trimmed.Length == 0) return this;
        Break(2);
        WriteGap();
        text.Append(trimmed);
        return Break(2);
    }

    /// <summary>What comes next starts on a new line (1) or in a new paragraph (2).</summary>
    public Prose Break(int lines)
    {
        if (oneLine) space = true;
        else breaks = Math.Max(breaks, lines);
        return this;
    }

    /// <inheritdoc/>
    public override string ToString() => text.ToString();

    void WriteGap()
    {
        if (text.Length > 0)
        {
            if (breaks > 0) text.Append('\n', breaks);
            else if (space) text.Append(' ');
        }
        space = false;
        breaks = 0;
    }
}
