using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace Litespark.Recipes.Yaml;

/// <summary>
/// Reads one YAML document into <see cref="RecipeNode"/>s from the parser's events: no reflection, every position kept.
/// Anchors, aliases and tags are refused, since a recipe that is read by people is better written out.
/// </summary>
internal sealed class YamlReader
{
    const int DepthLimit = 32;

    readonly Parser parser;
    readonly Func<Mark, string> locate;

    YamlReader(string text, Func<Mark, string> locate)
    {
        parser = new Parser(new StringReader(text));
        this.locate = locate;
    }

    /// <summary>Reads a file's text; an empty one gives an empty mapping.</summary>
    /// <exception cref="UserErrorException">The text is not YAML, or uses a part of YAML that recipes don't.</exception>
    public static RecipeNode ReadFile(string text, string fileName) => Read(text, fileName, mark => $"{fileName}:{mark.Line}:{mark.Column}");

    /// <summary>Reads the value of an option, where an empty text is no value; every position is the option itself.</summary>
    /// <exception cref="UserErrorException">As <see cref="ReadFile"/>.</exception>
    public static RecipeNode ReadValue(string text, string origin) => text.Length == 0 ? new ScalarNode("", quoted: false, origin) : Read(text, origin, _ => origin);

    static RecipeNode Read(string text, string name, Func<Mark, string> locate)
    {
        RefuseTabs(text, name, locate);
        try
        {
            return new YamlReader(text, locate).ReadDocument();
        }
        catch (YamlException error)
        {
            throw new UserErrorException($"{locate(error.Start)}: this is not valid YAML: {Reason(error)}. {Advice(text, error.Start)}", error);
        }
        catch (InvalidOperationException error)
        {
            // The scanner's own way of giving up, without a position: seen where a list is never closed.
            throw new UserErrorException($"{name}: this is not valid YAML. Check that every bracket, brace and quote is closed.", error);
        }
    }

    /// <summary>The scanner reports a tab far from where it stands, so it is looked for first.</summary>
    static void RefuseTabs(string text, string name, Func<Mark, string> locate)
    {
        int line = 1, column = 1;
        bool indentation = true;
        foreach (char c in text)
        {
            if (c == '\t' && indentation)
                throw new UserErrorException($"{locate(new Mark(0, line, column))}: a tab in the indentation of {name}; YAML is indented with spaces (two for each level here).");
            if (c == '\n') (line, column, indentation) = (line + 1, 1, true);
            else (column, indentation) = (column + 1, indentation && c == ' ');
        }
    }

    static string Reason(YamlException error)
    {
        string reason = error.Message.TrimEnd('.');
        return reason.Length == 0 ? "it cannot be read" : char.ToLowerInvariant(reason[0]) + reason[1..];
    }

    static string Advice(string text, Mark mark)
    {
        string line = text.Split('\n').ElementAtOrDefault((int)mark.Line - 1)?.Trim() ?? "";
        return line.Length == 0
            ? "Check that every bracket, brace and quote is closed."
            : $"The line reads \"{line}\": write 'key: value', two spaces deeper for each section, and quote values that hold ': ' or start with one of *&!%@`[{{.";
    }

    RecipeNode ReadDocument()
    {
        parser.MoveNext(); // StreamStart
        parser.MoveNext();
        if (parser.Current is StreamEnd) return new MappingNode(locate(new Mark(0, 1, 1)));
        parser.MoveNext(); // past DocumentStart
        RecipeNode root = ReadNode(0);
        parser.MoveNext();
        if (parser.Current is DocumentStart second)
            throw new UserErrorException($"{locate(second.Start)}: a second YAML document starts here ('---'); a recipe is one document.");
        return root;
    }

    /// <summary>Reads the node that starts at the current event and moves past it.</summary>
    RecipeNode ReadNode(int depth)
    {
        ParsingEvent start = parser.Current!;
        string origin = locate(start.Start);
        if (depth > DepthLimit) throw new UserErrorException($"{origin}: nested more than {DepthLimit} levels deep; a recipe needs four.");
        if (start is AnchorAlias) throw new UserErrorException($"{origin}: a value that starts with '*' is a YAML alias, which recipes don't use; put quotes around it, as in \"*.txt\".");
        if (start is NodeEvent { Anchor.IsEmpty: false }) throw new UserErrorException($"{origin}: '&name' is a YAML anchor, which recipes don't use; write the value out or put quotes around it.");
        if (start is NodeEvent node && !node.Tag.IsEmpty && !node.Tag.IsNonSpecific)
            throw new UserErrorException($"{origin}: '{node.Tag.Value}' is a YAML tag, which recipes don't use; leave it out or put quotes around the value.");
        parser.MoveNext();
        switch (start)
        {
            case Scalar scalar:
                return new ScalarNode(scalar.Value, scalar.Style != ScalarStyle.Plain, origin);
            case SequenceStart:
                var items = new List<RecipeNode>();
                while (parser.Current is not SequenceEnd) items.Add(ReadNode(depth + 1));
                parser.MoveNext();
                return new SequenceNode(items, origin);
            default:
                return ReadMapping(origin, depth);
        }
    }

    MappingNode ReadMapping(string origin, int depth)
    {
        var mapping = new MappingNode(origin);
        var lines = new Dictionary<string, string>();
        while (parser.Current is not MappingEnd)
        {
            string keyOrigin = locate(parser.Current!.Start);
            if (ReadNode(depth + 1) is not ScalarNode key) throw new UserErrorException($"{keyOrigin}: a key must be a plain word, as in 'max_steps: 100'.");
            if (!lines.TryAdd(key.Text, keyOrigin))
                throw new UserErrorException($"{keyOrigin}: the key '{key.Text}' is given twice (first at {lines[key.Text]}); keep one of the two.");
            mapping.Set(new MappingEntry(key.Text, keyOrigin, ReadNode(depth + 1)));
        }
        parser.MoveNext();
        return mapping;
    }
}
