using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Litespark.Benchmarks.Reporting;

/// <summary>
/// What a verb found: tables to read, and for each row the raw line it was made from. Printed, printed as one JSON object, or
/// written as a section of a result page.
/// </summary>
internal sealed class Report(string title, string command)
{
    static readonly JsonSerializerOptions OneLine = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    readonly List<string> lines = [];
    readonly JsonArray raw = [];
    readonly JsonObject summary = [];
    readonly List<(string Suffix, string Caption, string Svg)> pictures = [];
    readonly List<(string Name, string Value)> versions = [.. Machine.Versions()];

    /// <summary>Adds a line to read.</summary>
    public void Line(string text = "") => lines.Add(text);

    /// <summary>Adds a table to read.</summary>
    public void Table(TextTable table) => lines.AddRange(table.Lines().Select(line => "  " + line));

    /// <summary>Adds a raw line.</summary>
    public void Raw(JsonObject row) => raw.Add(row);

    /// <summary>Adds a picture, which becomes a file beside the page: PAGE_SUFFIX.svg.</summary>
    public void Picture(string suffix, string caption, string svg) => pictures.Add((suffix, caption, svg));

    /// <summary>Adds a figure about all rows.</summary>
    public void Summary(string name, double value) => summary[name] = value;

    /// <summary>Adds to the list of versions.</summary>
    public void Version(string name, string value) => versions.Add((name, value));

    /// <summary>The report to read.</summary>
    public string ToText() => string.Join('\n', [Header(), "", .. lines, "", "Raw lines:", .. RawLines()]) + "\n";

    /// <summary>The report as one JSON object on one line.</summary>
    public string ToJson()
    {
        var about = new JsonObject();
        foreach ((string name, string value) in versions) about[name] = value;
        return new JsonObject
        {
            ["benchmark"] = title,
            ["command"] = command,
            ["machine"] = about,
            ["rows"] = raw.DeepClone(),
            ["summary"] = summary.DeepClone(),
        }.ToJsonString(OneLine);
    }

    /// <summary>Adds the report to a page, as a section of its own, with its pictures beside it; makes the page's folder where there is none.</summary>
    public void AddTo(string page)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(page))!);
        string text = File.Exists(page) ? File.ReadAllText(page).TrimEnd() + "\n\n" : "";
        File.WriteAllText(page, text + ToMarkdown(Path.GetFileNameWithoutExtension(page)));
        foreach ((string suffix, _, string svg) in pictures) File.WriteAllText(Path.Combine(Path.GetDirectoryName(page)!, PictureName(Path.GetFileNameWithoutExtension(page), suffix)), svg);
    }

    /// <summary>The report as a section of a Markdown page of that name.</summary>
    public string ToMarkdown(string page = "")
    {
        var section = new StringBuilder();
        section.Append("## ").Append(title).Append("\n\n    ").Append(command).Append("\n\n").Append(Header()).Append("\n\n");
        foreach (string line in lines) section.Append(line.Length > 0 ? "    " + line : "").Append('\n');
        foreach ((string suffix, string caption, _) in pictures) section.Append("\n![").Append(caption).Append("](").Append(PictureName(page, suffix)).Append(")\n");
        section.Append("\nRaw lines:\n\n");
        foreach (string line in RawLines()) section.Append("    ").Append(line).Append('\n');
        return section.ToString();
    }

    static string PictureName(string page, string suffix) => $"{page}_{suffix}.svg";

    string Header() => string.Join("; ", versions.Select(version => $"{version.Name}: {version.Value}")) + ".";

    IEnumerable<string> RawLines() => raw.Select(row => row!.ToJsonString(OneLine)).Append(summary.Count > 0 ? summary.ToJsonString(OneLine) : null).OfType<string>();
}
