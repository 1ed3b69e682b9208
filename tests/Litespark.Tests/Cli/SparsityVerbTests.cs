using System.Text.Json;
using System.Text.Json.Nodes;
using System.Xml.Linq;
using Litespark.Checkpoints;
using Litespark.Models;
using Litespark.Planning;
using Litespark.Recipes;
using Litespark.Tests.Planning;
using Litespark.Training.Sparsity;

namespace Litespark.Tests.Cli;

public sealed class SparsityVerbTests : IDisposable
{
    readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    /// <summary>A model folder whose layers' matrices are zero but for some blocks of 8 × 8, and the masks of those.</summary>
    (string Path, SparsityController Controller) Model(string model)
    {
        TransformerSpec spec = ToyModels.Spec(model);
        var controller = new SparsityController(new() { Method = SparsityMethod.Static, Sparsity = 0.6 }, 10, 1, SparseWeights.Of(spec, new(), 8, 8));
        var weights = new DictionaryTensorStore(ParameterCatalog.Tensors(spec));
        foreach (TensorInfo tensor in weights.Tensors)
        {
            float[] values = weights[tensor.Name];
            Array.Fill(values, 0.25f);
            if (!controller.Masks.TryGetValue(tensor.Name, out BlockMask? mask)) continue;
            for (int i = 0; i < values.Length; i++)
                if (!mask[i / tensor.Shape[1] / 8 * mask.Weight.GridColumns + i % tensor.Shape[1] / 8]) values[i] = 0;
        }
        string path = folder.File(model);
        HuggingFaceFolder.Save(path, spec, weights);
        return (path, controller);
    }

    [Theory]
    [InlineData("llama-tied-gqa")]
    [InlineData("gpt2")]
    public void Blocks_of_zeros_are_found_in_any_model_folder(string model)
    {
        (string path, SparsityController controller) = Model(model);
        CheckpointMasks found = CheckpointMasks.Read(path, (8, 8));
        Assert.True(found.IsFromWeights);
        foreach (BlockMask mask in found.Masks)
            Assert.Equal(controller.Masks.TryGetValue(mask.Weight.Name, out BlockMask? expected) ? expected.ToText() : "all", mask.ToText());
        Assert.True(found.Masks.Count > controller.Masks.Count);
    }

    [Fact]
    public void Saved_masks_are_shown_as_they_are_with_a_picture()
    {
        (string path, SparsityController controller) = Model("llama-tied-gqa");
        JsonFile.Write(Path.Combine(path, CheckpointContents.StateFileName), new JsonObject { [SparsityController.StateKey] = controller.ToJson() });
        JsonElement json = CliRun.Of("sparsity", "show", path, "--svg", folder.File("masks.svg"), "--json").Json()
            .Has("checkpoint", "from_weights", "density", "live_elements", "elements", "weights", "svg");
        Assert.False(json.GetProperty("from_weights").GetBoolean());
        Assert.Equal(controller.Density, json.Number("density"));
        JsonElement[] rows = [.. json.GetProperty("weights").EnumerateArray()];
        Assert.Equal(controller.Masks.Count, rows.Length);
        Assert.EndsWith("q_proj.weight", rows[0].GetProperty("name").GetString());
        foreach (JsonElement row in rows)
        {
            BlockMask mask = controller.Masks[row.Has("name", "rows", "columns", "block_rows", "block_columns", "blocks", "live_blocks", "density", "dead_outputs").GetProperty("name").GetString()!];
            Assert.Equal((mask.Live, mask.DeadOutputs, 8), (row.Number("live_blocks"), row.Number("dead_outputs"), row.Number("block_rows")));
        }

        XElement[] paths = [.. XDocument.Load(folder.File("masks.svg")).Descendants().Where(element => element.Name.LocalName == "path")];
        Assert.Equal(controller.Masks.Count, paths.Length);
        CliRun people = CliRun.Of("sparsity", "show", path);
        Assert.Equal(0, people.Code);
        Assert.Contains("masks of sparse training", people.Out);
        Assert.Contains($"{controller.Masks.Values.First().Live} of {controller.Masks.Values.First().Weight.Blocks}", people.Out);
    }

    [Fact]
    public void Wrong_input_is_a_user_error()
    {
        (string path, SparsityController controller) = Model("llama-tied-gqa");
        CliRun.Of("sparsity", "show", folder.File("none")).AssertUserError("there is no such folder");
        CliRun.Of("sparsity", "show", path, "--block", "16").AssertUserError("--block must be rows and columns, as in 16x16, found '16'");
        CliRun.Of("sparsity", "show", path, "--svg", folder.File("no", "such", "masks.svg")).AssertUserError("cannot be written");
        JsonObject state = controller.ToJson();
        state["masks"]!.AsObject().First().Value!["mask"] = "####";
        JsonFile.Write(Path.Combine(path, CheckpointContents.StateFileName), new JsonObject { [SparsityController.StateKey] = state });
        CliRun.Of("sparsity", "show", path).AssertUserError("training_state.json: the masks of sparse training are not of the expected form");
    }
}
