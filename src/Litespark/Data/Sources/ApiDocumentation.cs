using System.Text;
using System.Xml;
using System.Xml.Linq;

namespace Litespark.Data.Sources;

/// <summary>
/// Reads XML documentation files of .NET assemblies (<c>&lt;doc&gt;&lt;members&gt;&lt;member name="…"&gt;</c>), member by
/// member. A type and its members are one document; a large one is cut between members. A member that an earlier file
/// has already documented is left out.
/// </summary>
internal sealed class ApiDocumentation
{
    /// <summary>Text beyond which a type's next member starts another document, so that documents shuffle well.</summary>
    const int PartCharacters = 8 << 10;

    static readonly XmlReaderSettings Settings = new()
    {
        DtdProcessing = DtdProcessing.Prohibit, XmlResolver = null, IgnoreComments = true, IgnoreProcessingInstructions = true,
    };

    readonly HashSet<string> seen = new(StringComparer.Ordinal);
    readonly ApiText text = new(new ApiNames());

    /// <summary>The documents of one file.</summary>
    /// <exception cref="UserErrorException">The XML is broken, or is something else than API documentation.</exception>
    public IEnumerable<Document> Read(string path, Stream stream)
    {
        using XmlReader reader = XmlReader.Create(stream, Settings);
        EnterMembers(reader, path);
        string type = "";
        StringBuilder part = new();
        while (NextMember(reader, path) is { } member)
        {
            ApiMemberId id = ApiMemberId.Parse((string)member.Attribute("name")!);
            string memberText = text.Member(member, id);
            if (memberText.Length == 0) continue;
            if (part.Length > 0 && (id.Type != type || part.Length + memberText.Length > PartCharacters))
            {
                yield return ToDocument(part, path, type);
                part.Clear();
            }
            type = id.Type;
            part.Append(memberText);
        }
        if (part.Length > 0) yield return ToDocument(part, path, type);
    }

    static Document ToDocument(StringBuilder part, string path, string type) =>
        new(Encoding.UTF8.GetBytes(part.ToString().TrimEnd() + "\n"), path, 0, type);

    static void EnterMembers(XmlReader reader, string path)
    {
        try
        {
            reader.MoveToContent();
            if (reader.LocalName != "doc")
                throw new UserErrorException($"{path}: is not .NET API documentation: its root is <{reader.LocalName}>, not <doc>. Other XML is not read as text.");
        }
        catch (XmlException e)
        {
            throw Broken(path, e);
        }
    }

    XElement? NextMember(XmlReader reader, string path)
    {
        try
        {
            while (!reader.EOF)
            {
                if (reader.NodeType != XmlNodeType.Element || reader.LocalName != "member") reader.Read();
                else if (reader.GetAttribute("name") is { } name && seen.Add(name)) return (XElement)XNode.ReadFrom(reader);
                else reader.Skip();
            }
            return null;
        }
        catch (XmlException e)
        {
            throw Broken(path, e);
        }
    }

    static UserErrorException Broken(string path, XmlException e) => new($"{path}: is broken XML: {e.Message} Repair the file or leave it out.", e);
}
