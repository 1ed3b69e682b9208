using Litespark.Tokenization.Pipeline;

namespace Litespark.Tokenization.Files;

/// <summary>Reads "post_processor" and "decoder" of a tokenizer.json.</summary>
internal static class OutputReader
{
    const string Processors = "Sequence, TemplateProcessing, ByteLevel, BertProcessing, RobertaProcessing";
    const string Decoders = "Sequence, ByteLevel, ByteFallback, Fuse, Metaspace, Replace, Strip";

    /// <summary>Reads what goes around a text.</summary>
    public static SpecialTemplate ReadTemplate(JsonPart part)
    {
        if (part.IsNull)
            return SpecialTemplate.Empty;
        return part.Type switch
        {
            "Sequence" => part["processors"].Elements().Select(ReadTemplate).Aggregate(SpecialTemplate.Empty, (inner, outer) => inner.Within(outer)),
            "ByteLevel" => SpecialTemplate.Empty, // only trims offsets
            "TemplateProcessing" => ReadSingle(part),
            "BertProcessing" or "RobertaProcessing" => new SpecialTemplate([ReadId(part["cls"])], [ReadId(part["sep"])]),
            _ => throw part.Unsupported(Processors),
        };
    }

    /// <summary>Reads the decoder. Without one, byte-level tokens are read as bytes, others as text.</summary>
    public static DecoderRules ReadDecoder(JsonPart part, bool byteLevel)
    {
        var rules = new DecoderRules();
        bool whole = false;
        if (!part.IsNull)
            ReadStep(part, rules, ref whole);
        else if (byteLevel)
            rules.Steps.Add(new TokenStep.Bytes());
        return rules;
    }

    static void ReadStep(JsonPart part, DecoderRules rules, ref bool whole)
    {
        switch (part.Type)
        {
            case "Sequence":
                foreach (JsonPart step in part["decoders"].Elements())
                    ReadStep(step, rules, ref whole);
                break;
            case "ByteLevel":
                rules.Steps.Add(new TokenStep.Bytes());
                whole = true;
                break;
            case "ByteFallback":
                rules.Steps.Add(new TokenStep.Fallback());
                break;
            case "Fuse":
                whole = true;
                break;
            case "Metaspace":
                char marker = part["replacement"].Char();
                rules.Steps.Add(new TokenStep.Replace(marker.ToString(), " "));
                if (PipelineReader.ReadScheme(part) != PrependScheme.Never)
                    rules.DropsFromFirst = marker;
                break;
            case "Replace":
                rules.Steps.Add(ReadReplace(part, whole));
                break;
            case "Strip":
                ReadStrip(part, rules, whole);
                break;
            default:
                throw part.Unsupported(Decoders);
        }
    }

    static TokenStep.Replace ReadReplace(JsonPart part, bool whole)
    {
        JsonPart pattern = part["pattern"]["String"];
        if (pattern.IsNull)
            throw part["pattern"].Error("must be a String; a Regex is not supported in a decoder");
        string text = pattern.String();
        if (text.Length == 0 || (whole && text.Length > 1))
            throw pattern.Error(text.Length == 0 ? "must not be empty" : "after Fuse, only a single character can be replaced");
        return new TokenStep.Replace(text, part["content"].String());
    }

    static void ReadStrip(JsonPart part, DecoderRules rules, bool whole)
    {
        var strip = new TokenStep.Strip(part["content"].Char(), part["start"].Int(), part["stop"].Int());
        if (!whole)
            rules.Steps.Add(strip);
        else if (rules.WholeStrip is null)
            rules.WholeStrip = strip;
        else
            throw part.Error("only one Strip is supported after Fuse");
    }

    static SpecialTemplate ReadSingle(JsonPart part)
    {
        var before = new List<int>();
        var after = new List<int>();
        int texts = 0;
        foreach (JsonPart item in part["single"].Elements())
        {
            if (!item["Sequence"].IsNull)
                texts++;
            else
                (texts == 0 ? before : after).AddRange(ReadIds(item["SpecialToken"]["id"], part["special_tokens"]));
        }
        return texts == 1 ? new SpecialTemplate([.. before], [.. after]) : throw part["single"].Error("must hold the text exactly once");
    }

    static IEnumerable<int> ReadIds(JsonPart name, JsonPart specials)
    {
        JsonPart special = specials[name.String()];
        if (special.IsNull)
            throw name.Error($"\"{name.String()}\" is not among special_tokens");
        return special["ids"].Elements().Select(id => id.Int());
    }

    static int ReadId(JsonPart pair)
    {
        JsonPart[] items = [.. pair.Elements()];
        return items.Length == 2 ? items[1].Int() : throw pair.Error("must be [token, id]");
    }
}
