using System.Text.Json.Nodes;
using Litespark.Checkpoints;
using Litespark.Models;
using Litespark.Planning;
using Litespark.Tests.Models;

namespace Litespark.Tests.Checkpoints;

public class HuggingFaceFolderTests
{
    static readonly TransformerSpec s_llama = SampleSpecs.TinyLlama, s_tied = s_llama with { TieWordEmbeddings = true }, s_gpt2 = SampleSpecs.TinyGpt2;

    internal static DictionaryTensorStore Random(IEnumerable<TensorInfo> tensors, int seed = 1)
    {
        var random = new Random(seed);
        var store = new DictionaryTensorStore(tensors);
        foreach (TensorInfo tensor in store.Tensors)
            store.Write(tensor.Name, [.. Enumerable.Range(0, (int)tensor.Length).Select(_ => random.NextSingle() - 0.5f)]);
        return store;
    }

    internal static DictionaryTensorStore Weights(TransformerSpec spec, int seed = 1) => Random(ParameterCatalog.Tensors(spec), seed);

    internal static void AssertSame(DictionaryTensorStore expected, DictionaryTensorStore actual)
    {
        Assert.Equal(expected.Tensors.Select(tensor => tensor.Name), actual.Tensors.Select(tensor => tensor.Name));
        Assert.All(expected.Tensors, tensor => Assert.Equal(expected[tensor.Name], actual[tensor.Name]));
    }

    /// <summary>The store under other names, with some left out and some added.</summary>
    static DictionaryTensorStore Changed(DictionaryTensorStore store, Func<string, string?> rename, params TensorInfo[] more)
    {
        var changed = new DictionaryTensorStore();
        foreach (TensorInfo tensor in store.Tensors)
            if (rename(tensor.Name) is { } name)
                changed.Add(tensor with { Name = name }, store[tensor.Name]);
        foreach (TensorInfo tensor in more)
            changed.Add(tensor, new float[tensor.Length]);
        return changed;
    }

    static DictionaryTensorStore Load(string folder, TransformerSpec spec)
    {
        var store = new DictionaryTensorStore(ParameterCatalog.Tensors(spec));
        HuggingFaceFolder.LoadWeights(folder, spec, store);
        return store;
    }

    static DictionaryTensorStore LoadStored(DictionaryTensorStore stored, TransformerSpec spec)
    {
        using var folder = new TemporaryFolder();
        SafetensorsWriter.Write(folder.File("model.safetensors"), stored);
        return Load(folder.Path, spec);
    }

    static string ErrorOf(DictionaryTensorStore stored, TransformerSpec spec) => Assert.Throws<UserErrorException>(() => LoadStored(stored, spec)).Message;

    public static TheoryData<string> SpecNames => ["tiny llama", "tied llama", "mistral", "qwen 2", "qwen 3 with biases", "gpt-2", "untied gpt-2"];

    [Theory]
    [MemberData(nameof(SpecNames))]
    public void A_saved_folder_loads_to_the_same_model(string name)
    {
        TransformerSpec spec = SampleSpecs.All[name];
        DictionaryTensorStore weights = Weights(spec);
        using var folder = new TemporaryFolder();
        string path = folder.File("inner", "model");
        HuggingFaceFolder.Save(path, spec, weights, new HuggingFaceSaveOptions
        {
            EosTokenIds = [3], WriteTokenizer = target => File.WriteAllText(Path.Combine(target, "tokenizer.json"), "{}"),
        });

        Assert.Equal(["config.json", "generation_config.json", "model.safetensors", "tokenizer.json"],
            Directory.GetFiles(path).Select(file => Path.GetFileName(file)).Order(StringComparer.Ordinal));
        Assert.Equal(spec, HuggingFaceFolder.ReadSpec(path));
        Assert.Equal(3, (int?)JsonFile.Read(Path.Combine(path, "generation_config.json"))["eos_token_id"]);
        AssertSame(weights, Load(path, spec));
    }

    [Fact]
    public void Ends_of_text_come_from_either_file_as_one_or_many()
    {
        using var folder = new TemporaryFolder();
        Assert.Empty(HuggingFaceFolder.ReadEosTokenIds(folder.Path));
        File.WriteAllText(folder.File("config.json"), """{"eos_token_id": 2}""");
        Assert.Equal([2], HuggingFaceFolder.ReadEosTokenIds(folder.Path));
        File.WriteAllText(folder.File("generation_config.json"), """{"eos_token_id": null}""");
        Assert.Equal([2], HuggingFaceFolder.ReadEosTokenIds(folder.Path));
        File.WriteAllText(folder.File("generation_config.json"), """{"eos_token_id": [128001, 128009]}""");
        Assert.Equal([128001, 128009], HuggingFaceFolder.ReadEosTokenIds(folder.Path));
        File.WriteAllText(folder.File("generation_config.json"), """{"eos_token_id": [1, null]}""");
        Assert.Contains("eos_token_id is [1,null]", Assert.Throws<UserErrorException>(() => HuggingFaceFolder.ReadEosTokenIds(folder.Path)).Message);
    }

    [Theory]
    [InlineData(new int[0], "null")]
    [InlineData(new[] { 3 }, "3")]
    [InlineData(new[] { 3, 1, 2 }, "[3,1,2]")]
    public void Ends_of_text_are_written_as_they_are_read(int[] ends, string written)
    {
        using var folder = new TemporaryFolder();
        HuggingFaceFolder.Save(folder.Path, s_llama, Weights(s_llama), new HuggingFaceSaveOptions { EosTokenIds = ends });
        foreach (string name in (string[])["generation_config.json", "config.json"])
        {
            Assert.Equal(written, JsonFile.Read(folder.File(name))["eos_token_id"]?.ToJsonString() ?? "null");
            Assert.Equal(ends, HuggingFaceFolder.ReadEosTokenIds(folder.Path));
            File.Delete(folder.File(name)); // The other one says the same.
            if (name == "generation_config.json") Assert.Equal(s_llama, HuggingFaceFolder.ReadSpec(folder.Path));
        }
    }

    [Fact]
    public void Export_as_bf16_says_so_in_the_configuration()
    {
        using var folder = new TemporaryFolder();
        HuggingFaceFolder.Save(folder.Path, s_llama, Weights(s_llama), new HuggingFaceSaveOptions { Dtype = WeightDtype.BFloat16 });
        Assert.Equal("bfloat16", (string?)JsonFile.Read(folder.File("config.json"))["torch_dtype"]);
        using SafetensorsReader reader = SafetensorsReader.Open(folder.File("model.safetensors"));
        Assert.All(reader.Entries, entry => Assert.Equal("BF16", entry.Dtype));
    }

    [Fact]
    public void Missing_unknown_and_reshaped_tensors_are_named_and_nothing_is_loaded()
    {
        DictionaryTensorStore stored = Changed(Weights(s_llama), name => name switch
        {
            "model.norm.weight" => null,
            "model.layers.1.mlp.up_proj.weight" => "model.layers.1.mlp.up.weight",
            "model.layers.0.self_attn.k_proj.weight" => null,
            _ => name,
        }, new TensorInfo("model.layers.0.self_attn.k_proj.weight", [6, 12]));
        using var folder = new TemporaryFolder();
        SafetensorsWriter.Write(folder.File("model.safetensors"), stored);
        var target = new DictionaryTensorStore(ParameterCatalog.Tensors(s_llama));

        string message = Assert.Throws<UserErrorException>(() => HuggingFaceFolder.LoadWeights(folder.Path, s_llama, target)).Message;
        Assert.StartsWith(folder.Path, message);
        Assert.Contains("2 missing: model.layers.1.mlp.up_proj.weight [20, 12]; model.norm.weight [12].", message);
        Assert.Contains("1 of another shape: model.layers.0.self_attn.k_proj.weight is [6, 12], [4, 12] is wanted.", message);
        Assert.Contains("1 unknown to the model: model.layers.1.mlp.up.weight [20, 12].", message);
        Assert.All(target.Tensors, tensor => Assert.All(target[tensor.Name], value => Assert.Equal(0, value)));
    }

    [Fact]
    public void A_long_list_is_cut()
    {
        string message = ErrorOf(Weights(s_llama), s_llama with { NumHiddenLayers = 5 });
        Assert.Contains("27 missing: model.layers.2.self_attn.q_proj.weight [12, 12]; ", message);
        Assert.Contains("; and 22 more.", message);
    }

    [Fact]
    public void Gpt2_without_its_prefix_and_with_its_buffers_loads()
    {
        DictionaryTensorStore weights = Weights(s_gpt2);
        DictionaryTensorStore stored = Changed(weights, name => name["transformer.".Length..],
            new TensorInfo("h.0.attn.bias", [1, 1, 9, 9]), new TensorInfo("h.1.attn.masked_bias", []), new TensorInfo("lm_head.weight", [17, 12]));
        AssertSame(weights, LoadStored(stored, s_gpt2));
    }

    [Fact]
    public void Attention_biases_are_no_buffers_elsewhere() =>
        Assert.Contains("model.layers.0.attn.bias", ErrorOf(Changed(Weights(s_llama), name => name, new TensorInfo("model.layers.0.attn.bias", [2])), s_llama));

    [Fact]
    public void A_tied_head_may_be_stored_alone_or_beside_the_table()
    {
        DictionaryTensorStore weights = Weights(s_tied);
        AssertSame(weights, LoadStored(Changed(weights, name => name, new TensorInfo("lm_head.weight", [17, 12])), s_tied));
        AssertSame(weights, LoadStored(Changed(weights, name => name == "model.embed_tokens.weight" ? "lm_head.weight" : name), s_tied));
    }

    [Fact]
    public void An_untied_head_has_to_be_stored() => Assert.Contains("1 missing: lm_head.weight [17, 12]", ErrorOf(Weights(s_tied), s_llama));

    [Fact]
    public void Saved_rotary_frequencies_are_ignored()
    {
        DictionaryTensorStore weights = Weights(s_llama);
        AssertSame(weights, LoadStored(Changed(weights, name => name, new TensorInfo("model.layers.0.self_attn.rotary_emb.inv_freq", [2])), s_llama));
    }

    static void SaveShards(TemporaryFolder folder, DictionaryTensorStore weights)
    {
        var map = new JsonObject();
        DictionaryTensorStore[] shards = [new(), new()];
        foreach (TensorInfo tensor in weights.Tensors)
        {
            int shard = map.Count % 2;
            shards[shard].Add(tensor, weights[tensor.Name]);
            map[tensor.Name] = $"model-0000{shard + 1}-of-00002.safetensors";
        }
        for (int i = 0; i < 2; i++)
            SafetensorsWriter.Write(folder.File($"model-0000{i + 1}-of-00002.safetensors"), shards[i]);
        JsonFile.Write(folder.File("model.safetensors.index.json"), new JsonObject { ["metadata"] = new JsonObject(), ["weight_map"] = map });
    }

    [Fact]
    public void Shards_with_an_index_load()
    {
        using var folder = new TemporaryFolder();
        DictionaryTensorStore weights = Weights(s_llama);
        SaveShards(folder, weights);
        AssertSame(weights, Load(folder.Path, s_llama));
    }

    [Fact]
    public void Faults_of_shards_and_index_are_named()
    {
        using var folder = new TemporaryFolder();
        SaveShards(folder, Weights(s_llama));
        string index = folder.File("model.safetensors.index.json"), second = folder.File("model-00002-of-00002.safetensors");
        string Error() => Assert.Throws<UserErrorException>(() => Load(folder.Path, s_llama)).Message;

        string good = File.ReadAllText(index);
        File.WriteAllText(index, good.Replace("\"model.norm.weight\"", "\"model.other.weight\""));
        Assert.Contains("tensor model.other.weight is missing", Error());
        File.WriteAllText(index, good.Replace("model-00002", "../model-00002"));
        Assert.Contains("no plain file name", Error());
        File.WriteAllText(index, "{}");
        Assert.Contains("weight_map is missing", Error());

        File.WriteAllText(index, good);
        byte[] bytes = File.ReadAllBytes(second);
        File.WriteAllBytes(second, bytes[..^1]);
        Assert.Contains(second, Error());
        File.Delete(second);
        Assert.Contains("this shard is missing", Error());
        File.Copy(folder.File("model-00001-of-00002.safetensors"), second);
        Assert.Contains("is in model-00001-of-00002.safetensors too", Error());
    }

    [Fact]
    public void A_folder_without_weights_says_what_was_looked_for()
    {
        using var folder = new TemporaryFolder();
        string Error(string path) => Assert.Throws<UserErrorException>(() => Load(path, s_llama)).Message;
        Assert.Contains("neither model.safetensors nor model.safetensors.index.json", Error(folder.Path));
        File.WriteAllText(folder.File("pytorch_model.bin"), "");
        Assert.Contains("pytorch_model.bin is pickled", Error(folder.Path));
        Assert.Contains("no such folder", Error(folder.File("absent")));
    }
}
