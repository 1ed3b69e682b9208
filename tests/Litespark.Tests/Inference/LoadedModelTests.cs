using System.Text.Json.Nodes;
using Litespark.Checkpoints;
using Litespark.Devices.Cpu;
using Litespark.Inference;
using Litespark.Models;
using Litespark.Planning;

namespace Litespark.Tests.Inference;

public sealed class LoadedModelTests : IDisposable
{
    readonly CpuDevice device = new(2);
    readonly TemporaryFolder folder = new();
    readonly TransformerSpec spec = ToyText.Spec();

    public void Dispose()
    {
        folder.Dispose();
        device.Dispose();
    }

    [Fact]
    public void A_Hugging_Face_folder_a_checkpoint_and_a_run_generate_alike()
    {
        string model = SaveModel("model");
        string run = folder.File("run");
        var store = new CheckpointStore(run);
        store.Save(3, new CheckpointContents
        {
            Spec = spec,
            Weights = ToyText.RandomWeights(device, spec),
            OptimizerState = new DictionaryTensorStore(),
            TrainingState = new JsonObject(),
            EosTokenIds = [ToyText.Tokenizer.EndOfTextId],
            WriteTokenizer = ToyText.Tokenizer.Save,
        });
        string whole = store.FindLatest().Path!;
        Directory.CreateDirectory(Path.Combine(store.Path, "step-00000009.partial"));

        string expected = Continue(LoadedModel.Open(model));
        LoadedModel ofRun = LoadedModel.Open(run);
        Assert.Equal(whole, ofRun.Folder);
        Assert.Single(ofRun.PassedOver);
        Assert.Equal([ToyText.Tokenizer.EndOfTextId], ofRun.EndTokens);
        Assert.Equal(expected, Continue(ofRun));
        Assert.Equal(expected, Continue(LoadedModel.Open(whole)));
    }

    [Fact]
    public void The_tokenizer_says_how_texts_end_where_the_configuration_does_not()
    {
        string model = SaveModel("model", eos: null);
        Assert.Equal([ToyText.Tokenizer.EndOfTextId], LoadedModel.Open(model).EndTokens);
    }

    [Fact]
    public void What_is_missing_is_named()
    {
        Assert.Contains("no such folder", Refused(() => LoadedModel.Open(folder.File("nowhere"))));
        Assert.Contains("config.json", Refused(() => LoadedModel.Open(folder.Path)));
        string model = SaveModel("model");
        LoadedModel opened = LoadedModel.Open(model);
        Assert.Contains("max_position_embeddings", Refused(() => opened.CreateEvaluator(device, 1, spec.MaxPositionEmbeddings + 1)));

        File.Delete(Path.Combine(model, "tokenizer.json"));
        LoadedModel mute = LoadedModel.Open(model);
        Assert.False(mute.HasTokenizer);
        Assert.Contains("tokenizer.json", Refused(() => mute.CreateGenerator(device, 8)));

        File.Delete(Path.Combine(model, "model.safetensors"));
        Assert.Contains("model.safetensors", Refused(() => opened.CreateGenerator(device, 8)));
    }

    [Fact]
    public void A_tensor_of_another_shape_is_named()
    {
        string model = SaveModel("model");
        JsonNode config = JsonNode.Parse(File.ReadAllText(Path.Combine(model, "config.json")))!;
        config["intermediate_size"] = spec.IntermediateSize + 4;
        File.WriteAllText(Path.Combine(model, "config.json"), config.ToJsonString());
        string message = Refused(() => LoadedModel.Open(model).CreateGenerator(device, 8));
        Assert.Contains($"[{spec.IntermediateSize}, {spec.HiddenSize}]", message);
        Assert.Contains($"[{spec.IntermediateSize + 4}, {spec.HiddenSize}] is wanted", message);
    }

    string Continue(LoadedModel model)
    {
        using Generator generator = model.CreateGenerator(device, 1000);
        Assert.Equal(spec.MaxPositionEmbeddings, generator.Model.Capacity);
        return generator.Generate("the cat", new GenerationOptions { MaxNewTokens = 15, Sampling = new SamplingOptions { Seed = 2 } }).Text;
    }

    string SaveModel(string name, int? eos = 289)
    {
        string path = folder.File(name);
        ITensorStore weights = ToyText.RandomWeights(device, spec);
        HuggingFaceFolder.Save(path, spec, weights, new HuggingFaceSaveOptions { EosTokenIds = eos is { } id ? [id] : [], WriteTokenizer = ToyText.Tokenizer.Save });
        return path;
    }

    static string Refused(Action action) => Assert.Throws<UserErrorException>(action).Message;
}
