using System.Text.Json;

namespace Litespark.Tokenization.Files;

/// <summary>The files of a tokenizer as they lay in their folder, kept to be written again unchanged.</summary>
internal sealed class TokenizerFiles
{
    /// <summary>The vocabulary and its rules.</summary>
    public const string Main = "tokenizer.json";

    /// <summary>Names of the special tokens, longest text, class.</summary>
    public const string Config = "tokenizer_config.json";

    static readonly string[] Kept = [Config, "special_tokens_map.json", "chat_template.jinja"];
    static readonly string[] ModelConfigs = ["generation_config.json", "config.json"];
    static readonly string[] EndNames = ["<|endoftext|>", "<|end_of_text|>", "</s>", "<eos>", "<|im_end|>", "<|eot_id|>", "[EOS]"];
    static readonly string[] BeginNames = ["<|begin_of_text|>", "<|startoftext|>", "<s>", "<bos>", "[BOS]"];

    readonly Dictionary<string, byte[]> contents = [];

    TokenizerFiles(string path) => Path = path;

    /// <summary>Where tokenizer.json is, for messages.</summary>
    public string Path { get; }

    /// <summary>Bytes of tokenizer.json.</summary>
    public byte[] Json => contents[Main];

    /// <summary>Files that exist only in memory.</summary>
    public static TokenizerFiles InMemory(string name, byte[] json, byte[]? config)
    {
        var files = new TokenizerFiles(name);
        files.contents[Main] = json;
        if (config is not null)
            files.contents[Config] = config;
        return files;
    }

    /// <summary>Reads the files beside <paramref name="path"/>, a tokenizer.json or the folder that holds one.</summary>
    public static TokenizerFiles Read(string path)
    {
        string main = Directory.Exists(path) ? System.IO.Path.Combine(path, Main) : path;
        if (!File.Exists(main))
            throw new UserErrorException($"{main}: no such file; expected a {Main} or a folder that holds one");
        var files = new TokenizerFiles(main);
        files.contents[Main] = ReadBytes(main);
        string folder = System.IO.Path.GetDirectoryName(System.IO.Path.GetFullPath(main))!;
        foreach (string name in (string[])[.. Kept, .. ModelConfigs])
        {
            string file = System.IO.Path.Combine(folder, name);
            if (File.Exists(file))
                files.contents[name] = ReadBytes(file);
        }
        return files;
    }

    /// <summary>Writes tokenizer.json and what belongs to it into <paramref name="folder"/>.</summary>
    public void Write(string folder)
    {
        foreach (string name in (string[])[Main, .. Kept])
        {
            if (contents.TryGetValue(name, out byte[]? bytes))
                File.WriteAllBytes(System.IO.Path.Combine(folder, name), bytes);
        }
    }

    /// <summary>The id of the token that ends a text; null where no file tells and no well-known name is in the vocabulary.</summary>
    public int? FindEndOfText(Func<string, int?> idOf) => FindSpecial("eos", EndNames, idOf);

    /// <summary>The id of the token that begins a text; null where there is none.</summary>
    public int? FindBeginOfText(Func<string, int?> idOf) => FindSpecial("bos", BeginNames, idOf);

    int? FindSpecial(string kind, string[] wellKnown, Func<string, int?> idOf)
    {
        if (Root(Config) is JsonElement config && config.TryGetProperty($"{kind}_token", out JsonElement named))
        {
            // Either the text, or an object that holds it; null says that there is none.
            JsonElement text = named.ValueKind == JsonValueKind.Object && named.TryGetProperty("content", out JsonElement content) ? content : named;
            if (text.ValueKind == JsonValueKind.Null)
                return kind == "bos" ? null : FindById(kind) ?? FindByName(wellKnown, idOf);
            if (text.ValueKind == JsonValueKind.String && idOf(text.GetString()!) is int id)
                return id;
        }
        return FindById(kind) ?? FindByName(wellKnown, idOf);
    }

    int? FindById(string kind)
    {
        foreach (string name in ModelConfigs)
        {
            if (Root(name) is not JsonElement config || !config.TryGetProperty($"{kind}_token_id", out JsonElement value))
                continue;
            // Chat models list several; the first one is the main one.
            if (value.ValueKind == JsonValueKind.Array && value.GetArrayLength() > 0)
                value = value[0];
            if (value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out int id) && id >= 0)
                return id;
        }
        return null;
    }

    static int? FindByName(string[] names, Func<string, int?> idOf) => names.Select(idOf).FirstOrDefault(id => id is not null);

    JsonElement? Root(string name)
    {
        if (!contents.TryGetValue(name, out byte[]? bytes))
            return null;
        string file = System.IO.Path.Combine(System.IO.Path.GetDirectoryName(Path) ?? "", name);
        JsonElement root = ParseRoot(bytes, file);
        return root.ValueKind == JsonValueKind.Object ? root : throw new UserErrorException($"{file}: expected a JSON object");
    }

    /// <summary>Parses a file's bytes; a byte order mark is allowed.</summary>
    public static JsonElement ParseRoot(byte[] bytes, string file)
    {
        try
        {
            ReadOnlyMemory<byte> json = bytes.AsSpan().StartsWith("\uFEFF"u8) ? bytes.AsMemory(3) : bytes;
            using JsonDocument document = JsonDocument.Parse(json, new JsonDocumentOptions { MaxDepth = 64 });
            return document.RootElement.Clone();
        }
        catch (JsonException error)
        {
            throw new UserErrorException($"{file}: not valid JSON: {JsonFault.Describe(error)}", error);
        }
    }

    static byte[] ReadBytes(string file)
    {
        try
        {
            return File.ReadAllBytes(file);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new UserErrorException($"{file}: can't be read: {error.Message}", error);
        }
    }
}
