using System.Text.Json;
using Litespark.Tokenization.Bpe;
using Litespark.Tokenization.Pipeline;

namespace Litespark.Tokenization.Files;

/// <summary>Reads "model" and "added_tokens" of a tokenizer.json.</summary>
internal static class ModelReader
{
    /// <summary>Reads the BPE model.</summary>
    public static BpeModel ReadModel(JsonPart model)
    {
        // Old files leave the type out.
        if (model["type"].IsNull ? model["merges"].IsNull : model.Type != "BPE")
            throw model["type"].IsNull ? model.Error("has no type; supported is: BPE") : model.Unsupported("BPE");
        foreach (string name in (string[])["continuing_subword_prefix", "end_of_word_suffix"])
        {
            if (!model[name].IsNull && model[name].String().Length > 0)
                throw model[name].Error("is not supported; only BPE without prefixes and suffixes is");
        }
        if (model["dropout"] is { IsNull: false } dropout && dropout.Value.GetDouble() > 0)
            throw dropout.Error("is not supported: tokens would be random; set it to null");

        var options = new BpeOptions(
            model["byte_fallback"].Bool(false),
            model["ignore_merges"].Bool(false),
            model["fuse_unk"].Bool(false),
            model["unk_token"] is { IsNull: false } unknown ? unknown.String() : null);
        try
        {
            return new BpeModel(ReadVocab(model["vocab"]), [.. ReadMerges(model["merges"])], options);
        }
        catch (UserErrorException error)
        {
            throw new UserErrorException($"{model.File}: {error.Message}", error);
        }
    }

    /// <summary>Reads the added tokens, in the order of the file.</summary>
    public static List<AddedToken> ReadAdded(JsonPart added)
    {
        if (added.IsNull)
            return [];
        return [.. added.Elements().Select(token => new AddedToken(
            token["id"].Int(),
            token["content"].String(),
            token["single_word"].Bool(false),
            token["lstrip"].Bool(false),
            token["rstrip"].Bool(false),
            token["normalized"].Bool(!token["special"].Bool(false)),
            token["special"].Bool(false)))];
    }

    static Dictionary<string, int> ReadVocab(JsonPart vocab)
    {
        vocab.Expect(JsonValueKind.Object);
        var ids = new Dictionary<string, int>();
        var taken = new HashSet<int>();
        foreach (JsonProperty entry in vocab.Value.EnumerateObject())
        {
            if (!entry.Value.TryGetInt32(out int id) || id < 0)
                throw vocab.Error($"the id of \"{entry.Name}\" must be a whole number, not negative");
            if (!taken.Add(id))
                throw vocab.Error($"the id {id} is given to \"{entry.Name}\" and to another token");
            ids[entry.Name] = id;
        }
        return ids;
    }

    static IEnumerable<(string Left, string Right)> ReadMerges(JsonPart merges)
    {
        foreach (JsonPart merge in merges.Elements())
        {
            if (merge.Value.ValueKind == JsonValueKind.Array)
            {
                if (merge.Value.GetArrayLength() != 2)
                    throw merge.Error("must be a pair of tokens");
                string[] pair = [.. merge.Elements().Select(token => token.String())];
                yield return (pair[0], pair[1]);
                continue;
            }
            string text = merge.String();
            int space = text.IndexOf(' ');
            if (space < 0 || text.IndexOf(' ', space + 1) >= 0)
                throw merge.Error($"\"{text}\" must be two tokens with one space between them");
            yield return (text[..space], text[(space + 1)..]);
        }
    }
}
