using System.Text.Json;
using Litespark.Checkpoints;
using Litespark.Models;
using Litespark.Planning;
using Litespark.Tests.Planning;

namespace Litespark.Tests.Cli;

public sealed class ExportVerbTests : IDisposable
{
    readonly TemporaryFolder folder = new();
    readonly TransformerSpec spec = ToyModels.Spec("llama-tied-gqa");

    public void Dispose() => folder.Dispose();

    /// <summary>A model folder with random weights.</summary>
    (string Path, DictionaryTensorStore Weights) Model()
    {
        var weights = new DictionaryTensorStore(ParameterCatalog.Tensors(spec));
        var random = new Random(5);
        foreach (TensorInfo tensor in weights.Tensors)
            foreach (ref float value in weights[tensor.Name].AsSpan()) value = (float)random.NextDouble() - 0.5f;
        string path = folder.File("model");
        HuggingFaceFolder.Save(path, spec, weights, new HuggingFaceSaveOptions { EosTokenIds = [3] });
        return (path, weights);
    }

    DictionaryTensorStore Load(string path)
    {
        var weights = new DictionaryTensorStore(ParameterCatalog.Tensors(spec));
        HuggingFaceFolder.LoadWeights(path, spec, weights);
        return weights;
    }

    [Fact]
    public void An_export_in_float32_loads_bit_for_bit()
    {
        (string model, DictionaryTensorStore weights) = Model();
        string target = folder.File("exported");
        JsonElement exported = CliRun.Of("export", "--checkpoint", model, "--out", target, "--json").Json().Has("checkpoint", "out", "dtype", "parameters", "bytes");
        Assert.Equal("float32", exported.GetProperty("dtype").GetString());
        Assert.Equal(ParameterCatalog.TotalParameters(spec), exported.GetProperty("parameters").GetInt64());
        Assert.Equal(spec, HuggingFaceFolder.ReadSpec(target));
        Assert.Equal([3], HuggingFaceFolder.ReadEosTokenIds(target));
        DictionaryTensorStore loaded = Load(target);
        foreach (TensorInfo tensor in weights.Tensors) Assert.Equal(weights[tensor.Name], loaded[tensor.Name]);
        Assert.Equal(["config.json", "generation_config.json", "model.safetensors"], Directory.EnumerateFiles(target).Select(Path.GetFileName).Order());
        Assert.False(Directory.Exists(target + ".partial"));
    }

    [Fact]
    public void An_export_in_bfloat16_is_rounded_and_half_as_large()
    {
        (string model, DictionaryTensorStore weights) = Model();
        string target = Directory.CreateDirectory(folder.File("empty")).FullName;
        Assert.Equal("bfloat16", CliRun.Of("export", "--checkpoint", model, "--out", target, "--dtype", "bfloat16", "--json").Json().GetProperty("dtype").GetString());
        DictionaryTensorStore loaded = Load(target);
        foreach (TensorInfo tensor in weights.Tensors)
            for (int i = 0; i < tensor.Length; i++) Assert.Equal(weights[tensor.Name][i], loaded[tensor.Name][i], Math.Abs(weights[tensor.Name][i]) / 256);
        long Size(string path) => new FileInfo(Path.Combine(path, "model.safetensors")).Length;
        Assert.InRange(Size(target), Size(model) / 2, Size(model) / 2 + 4096);
        Assert.Contains("bfloat16", File.ReadAllText(Path.Combine(target, "config.json")));
    }

    [Fact]
    public void Wrong_input_is_a_user_error_and_loses_nothing()
    {
        (string model, _) = Model();
        CliRun.Of("export", "--checkpoint", model, "--out", model).AssertUserError("is not empty");
        Assert.NotEmpty(Load(model).Tensors);
        CliRun.Of("export", "--checkpoint", folder.File("none"), "--out", folder.File("x")).AssertUserError("there is no such folder");
        CliRun.Of("export", "--checkpoint", folder.Path, "--out", folder.File("x")).AssertUserError("config.json");
        CliRun.Of("export", "--checkpoint", model, "--out", Path.Combine(model, "config.json")).AssertUserError("is a file");
        CliRun.Of("export", "--checkpoint", model, "--out", folder.File("x"), "--dtype", "int8").AssertUserError("int8");
    }
}
