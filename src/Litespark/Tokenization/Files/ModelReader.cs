using System.Text.Json;
using Litespark.Tokenization.Bpe;
using Litespark.Tokenization.Pipeline;

namespace Litespark.Tokenization.Files;

/// <summary>Reads "model" and "added_tokens" of a tokenizer.json.</summary>
internal static class ModelReader
{
    /// <summary>A larger id is a broken file rather than a vocabulary.</summary>
    const int LargestId = (1 << 24) - 1;

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
        JsonPart dropout = model["dropout"];
        if (!dropout.IsNull && (dropout.Value.ValueKind != JsonValueKind.Number || dropout.Value.GetDouble() != 0))
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

    /// <summary>Reads the added tokens, in the order of the file; one that the model's vocabulary holds too has its id.</summary>
    public static List<AddedToken> ReadAdded(JsonPart added, BpeModel model)
    {
        if (added.IsNull)
            return [];
        return [.. added.Elements().Select(token => new AddedToken(
            model.IdOf(token["content"].String()) is int known && known != BpeModel.None ? known : token["id"].Int(LargestId),
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
            if (entry.Value.ValueKind != JsonValueKind.Number || !entry.Value.TryGetInt32(out int id) || id is < 0 or > LargestId)
                throw vocab.Error($"the id of \"{entry.Name}\" must be a whole number from 0 to {LargestId}");
            if (!taken.Add(id))
                throw vocab.Error($"the id {id} is given to \"{entry.Name}\" and to another token");
            ids[entry.Name] = id;
        }
        return ids;
    }

    static IEnumerable<(string Left, string Right)> ReadMerges(JsonPart merges)
    {
        merges.Expect(JsonValueKind.Array);
        foreach (JsonElement merge in merges.Value.EnumerateArray())
            yield return ReadMerge(merge) ?? throw merges.Error($"{merge.GetRawText()} must be a pair of tokens, or two with one space between them");
    }

    static (string Left, string Right)? ReadMerge(JsonElement merge)
    {
        if (merge.ValueKind == JsonValueKind.Array)
        {
            string?[] pair = [.. merge.EnumerateArray().Select(token => token.ValueKind == JsonValueKind.String ? token.GetString() : null)];
            return pair is [string first, string second] ? (first, second) : null;
        }
        if (merge.ValueKind != JsonValueKind.String)
            return null;
        string text = merge.GetString()!;
        int space = text.IndexOf(' ');
        return space >= 0 && text.IndexOf(' ', space + 1) < 0 ? (text[..space], text[(space + 1)..]) : null;
    }
}
