using System.Text.Json;
using System.Text.RegularExpressions;
using Litespark.Tokenization.Pipeline;

namespace Litespark.Tokenization.Files;

/// <summary>Reads "normalizer" and "pre_tokenizer" of a tokenizer.json.</summary>
internal static class PipelineReader
{
    const string Normalizers = "Sequence, NFC, NFD, NFKC, NFKD, Replace, Prepend, Strip, Lowercase";

    const string PreTokenizers =
        "Sequence, ByteLevel (last), Split, Metaspace, Digits, Whitespace, WhitespaceSplit, Punctuation, CharDelimiterSplit";

    /// <summary>What Whitespace keeps; its words are of Rust's dialect, in which joiners belong to them.</summary>
    const string WordsAndSigns = @"[\w\u200C\u200D]+|[^\w\u200C\u200D\s]+";

    /// <summary>Reads the normalizer; null where there is none.</summary>
    public static Normalizer? ReadNormalizer(JsonPart part)
    {
        if (part.IsNull)
            return null;
        return part.Type switch
        {
            "Sequence" => new NormalizerSequence([.. part["normalizers"].Elements().Select(ReadNormalizer).OfType<Normalizer>()]),
            "NFC" => new UnicodeNormalizer(compatible: false, composed: true),
            "NFD" => new UnicodeNormalizer(compatible: false, composed: false),
            "NFKC" => new UnicodeNormalizer(compatible: true, composed: true),
            "NFKD" => new UnicodeNormalizer(compatible: true, composed: false),
            "Prepend" => new PrependNormalizer(part["prepend"].String()),
            "Strip" => new StripNormalizer(part["strip_left"].Bool(true), part["strip_right"].Bool(true)),
            "Lowercase" => new LowercaseNormalizer(),
            "Replace" => ReadReplace(part),
            _ => throw part.Unsupported(Normalizers),
        };
    }

    /// <summary>Reads the pre-tokenizer as a list of stages.</summary>
    /// <param name="part">The "pre_tokenizer".</param>
    /// <param name="stages">Gets the stages.</param>
    /// <returns>Whether the model sees bytes (in GPT-2's alphabet) rather than characters.</returns>
    public static bool ReadPreTokenizer(JsonPart part, List<PreTokenizer> stages)
    {
        if (part.IsNull)
            return false;
        switch (part.Type)
        {
            case "Sequence":
                bool bytes = false;
                foreach (JsonPart stage in part["pretokenizers"].Elements())
                {
                    if (bytes)
                        throw stage.Error("nothing may follow ByteLevel");
                    bytes = ReadPreTokenizer(stage, stages);
                }
                return bytes;
            case "ByteLevel":
                if (part["add_prefix_space"].Bool(true))
                    stages.Add(new SpacePrefix());
                if (part["use_regex"].Bool(true))
                    stages.Add(new Splitter(GptScanner.Gpt2, SplitBehavior.Isolated));
                return true;
            case "Split":
                stages.Add(new Splitter(ReadPattern(part["pattern"]), ReadBehavior(part["behavior"]), part["invert"].Bool(false)));
                return false;
            case "Metaspace":
                stages.Add(new Metaspace(part["replacement"].Char(), ReadScheme(part), part["split"].Bool(true)));
                return false;
            case "Digits":
                bool each = part["individual_digits"].Bool(false);
                stages.Add(new Splitter(RuneMatcher.Numbers, each ? SplitBehavior.Isolated : SplitBehavior.Contiguous));
                return false;
            case "Whitespace":
                stages.Add(new Splitter(new RegexMatcher(WordsAndSigns), SplitBehavior.Removed, invert: true));
                return false;
            case "WhitespaceSplit":
                stages.Add(new Splitter(RuneMatcher.WhiteSpace, SplitBehavior.Removed));
                return false;
            case "Punctuation":
                JsonPart behavior = part["behavior"];
                stages.Add(new Splitter(RuneMatcher.Punctuation, behavior.IsNull ? SplitBehavior.Isolated : ReadBehavior(behavior)));
                return false;
            case "CharDelimiterSplit":
                stages.Add(new Splitter(new LiteralMatcher(part["delimiter"].String()), SplitBehavior.Removed));
                return false;
            default:
                throw part.Unsupported(PreTokenizers);
        }
    }

    /// <summary>Which pieces a Metaspace marks; older files say add_prefix_space.</summary>
    public static PrependScheme ReadScheme(JsonPart part)
    {
        JsonPart scheme = part["prepend_scheme"];
        if (scheme.IsNull)
            return part["add_prefix_space"].Bool(true) ? PrependScheme.Always : PrependScheme.Never;
        return scheme.String() switch
        {
            "always" => PrependScheme.Always,
            "first" => PrependScheme.First,
            "never" => PrependScheme.Never,
            _ => throw scheme.Error("must be \"always\", \"first\" or \"never\""),
        };
    }

    static Normalizer ReadReplace(JsonPart part)
    {
        string content = part["content"].String();
        JsonPart literal = part["pattern"]["String"];
        if (!literal.IsNull)
            return literal.String().Length == 0 ? throw literal.Error("must not be empty") : new ReplaceNormalizer(literal.String(), content);
        JsonPart pattern = part["pattern"]["Regex"];
        return Compile(pattern, text => new RegexReplaceNormalizer(new Regex(PatternTranslator.Translate(text), PatternTranslator.Options), content));
    }

    static Matcher ReadPattern(JsonPart part)
    {
        JsonPart literal = part["String"];
        if (!literal.IsNull)
            return literal.String().Length == 0 ? throw literal.Error("must not be empty") : new LiteralMatcher(literal.String());
        return Compile<Matcher>(part["Regex"], pattern => GptScanner.For(pattern) is GptScanner scanner ? scanner : new RegexMatcher(pattern));
    }

    static T Compile<T>(JsonPart part, Func<string, T> compile)
    {
        try
        {
            return compile(part.String());
        }
        catch (ArgumentException error)
        {
            throw new UserErrorException(part.Error($"the pattern can't be used with .NET's regular expressions: {error.Message}").Message, error);
        }
    }

    static SplitBehavior ReadBehavior(JsonPart part)
    {
        return part.Value.ValueKind == JsonValueKind.String && Enum.TryParse(part.String(), out SplitBehavior behavior)
            ? behavior
            : throw part.Error($"must be one of {string.Join(", ", Enum.GetNames<SplitBehavior>())}");
    }
}
