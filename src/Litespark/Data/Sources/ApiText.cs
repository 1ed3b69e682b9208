using System.Text;
using System.Xml.Linq;

namespace Litespark.Data.Sources;

/// <summary>Writes one documented type or member as readable text, with Markdown headings and lists.</summary>
internal sealed class ApiText(ApiNames names)
{
    /// <summary>The text of a <c>&lt;member&gt;</c> element, or empty if it documents nothing.</summary>
    public string Member(XElement member, ApiMemberId id)
    {
        string[] parameterNames = Names(member, "param");
        string[] typeParameters = Names(member, "typeparam");
        bool isType = id.Kind == 'T';
        if (isType) names.Learn(id.Type, typeParameters);

        StringBuilder body = new();
        AddParagraphs(body, "", member.Elements("summary"));
        AddList(body, "Type parameters:", member.Elements("typeparam"), e => (string?)e.Attribute("name"));
        AddList(body, "Parameters:", member.Elements("param"), e => (string?)e.Attribute("name"));
        AddParagraphs(body, id.Kind == 'M' ? "Returns: " : "Value: ", member.Elements("returns"));
        AddParagraphs(body, "Value: ", member.Elements("value"));
        AddList(body, "Exceptions:", member.Elements("exception"), e => names.Reference((string?)e.Attribute("cref") ?? ""));
        AddParagraphs(body, "Remarks: ", member.Elements("remarks"));
        AddParagraphs(body, "Example: ", member.Elements("example"));
        if (body.Length == 0) return "";

        string heading = isType ? "# " + names.Type(id.Type, id.Type) : "## " + names.Signature(id, parameterNames, typeParameters);
        string space = isType ? names.Namespace(id.Type) : "";
        return $"{heading}\n\n{(space.Length > 0 ? $"Namespace: {space}\n\n" : "")}{body}";
    }

    static string[] Names(XElement member, string element) => [.. member.Elements(element).Select(e => (string?)e.Attribute("name") ?? "")];

    void AddParagraphs(StringBuilder body, string label, IEnumerable<XElement> elements)
    {
        foreach (XElement element in elements)
            if (Text(element) is { Length: > 0 } text) body.Append(label).Append(text).Append("\n\n");
    }

    void AddList(StringBuilder body, string label, IEnumerable<XElement> elements, Func<XElement, string?> name)
    {
        bool started = false;
        foreach (XElement element in elements)
        {
            if (Text(element, oneLine: true) is not { Length: > 0 } text) continue;
            if (!started) body.Append(label).Append('\n');
            started = true;
            body.Append("- ").Append(name(element)).Append(": ").Append(text).Append('\n');
        }
        if (started) body.Append('\n');
    }

    string Text(XElement element, bool oneLine = false)
    {
        Prose prose = new(oneLine);
        AddNodes(prose, element);
        return prose.ToString();
    }

    void AddNodes(Prose prose, XElement parent)
    {
        foreach (XNode node in parent.Nodes())
        {
            if (node is XText text) prose.Add(text.Value);
            else if (node is XElement element) AddElement(prose, element);
        }
    }

    void AddElement(Prose prose, XElement element)
    {
        switch (element.Name.LocalName)
        {
            case "see" or "seealso" or "xref" or "paramref" or "typeparamref":
                AddReference(prose, element);
                break;
            case "code" or "pre" or "script":
                prose.AddVerbatim(element.Value);
                break;
            case "para" or "p" or "div" or "list" or "ul" or "ol" or "note" or "table":
                prose.Break(2);
                AddNodes(prose, element);
                prose.Break(2);
                break;
            case "item" or "listheader" or "li" or "tr":
                prose.Break(1).Add("- ");
                AddNodes(prose, element);
                prose.Break(1);
                break;
            case "term" when element.ElementsAfterSelf("description").Any():
                AddNodes(prose, element);
                prose.Add(": ");
                break;
            case "br":
                prose.Break(1);
                break;
            case "inheritdoc":
                break;
            default:
                AddNodes(prose, element);
                break;
        }
    }

    void AddReference(Prose prose, XElement element)
    {
        if (element.Nodes().Any()) AddNodes(prose, element);
        else if ((string?)element.Attribute("cref") is { } cref) prose.Add(names.Reference(cref));
        else prose.Add((string?)element.Attribute("langword") ?? (string?)element.Attribute("name") ?? (string?)element.Attribute("href") ?? "");
    }
}
