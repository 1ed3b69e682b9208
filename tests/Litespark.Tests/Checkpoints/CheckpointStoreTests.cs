using System.Text.Json.Nodes;
using Litespark.Checkpoints;
using Litespark.Models;
using Litespark.Planning;
using Litespark.Tests.Models;

namespace Litespark.Tests.Checkpoints;

public sealed class CheckpointStoreTests : IDisposable
{
    static readonly TransformerSpec s_spec = SampleSpecs.TinyLlama;

    readonly TemporaryFolder _run = new();

    public void Dispose() => _run.Dispose();

    CheckpointStore Store(int keepLast = 0) => new(_run.Path, keepLast);

    static IEnumerable<TensorInfo> OptimizerTensors =>
        ParameterCatalog.Tensors(s_spec).SelectMany(tensor => new[] { tensor with { Name = tensor.Name + ".m" }, tensor with { Name = tensor.Name + ".v" } });

    static CheckpointContents Contents(int seed) => new()
    {
        Spec = s_spec,
        Weights = HuggingFaceFolderTests.Weights(s_spec, seed),
        OptimizerState = HuggingFaceFolderTests.Random(OptimizerTensors, seed + 1000),
        TrainingState = new JsonObject { ["step"] = seed, ["rng"] = "18446744073709551615" },
        WriteTokenizer = folder => File.WriteAllText(Path.Combine(folder, "tokenizer.json"), "{}"),
    };

    static void Quick(string folder) => File.WriteAllText(Path.Combine(folder, "model.safetensors"), "the weights");

    string[] Names() => [.. Directory.GetDirectories(_run.File("checkpoints")).Select(path => Path.GetFileName(path)).Order(StringComparer.Ordinal)];

    string Folder(int step, string suffix = "") => _run.File("checkpoints", $"step-{step:D8}{suffix}");

    [Fact]
    public void A_checkpoint_restores_to_the_bit()
    {
        CheckpointContents contents = Contents(seed: 100);
        string saved = Store().Save(100, contents);
        Assert.Equal(Folder(100), saved);
        Assert.Equal(
            ["config.json", "generation_config.json", "manifest.json", "model.safetensors", "tokenizer.json", "training_state.json", "training_state.safetensors"],
            Directory.GetFiles(saved).Select(file => Path.GetFileName(file)).Order(StringComparer.Ordinal));

        LatestCheckpoint latest = Store().FindLatest();
        Assert.Equal((saved, 100), (latest.Path, latest.Step));
        Assert.Empty(latest.PassedOver);
        Assert.Null(CheckpointStore.Verify(saved));

        var weights = new DictionaryTensorStore(ParameterCatalog.Tensors(s_spec));
        var optimizer = new DictionaryTensorStore(OptimizerTensors);
        JsonObject state = CheckpointStore.Load(saved, s_spec, weights, optimizer);
        HuggingFaceFolderTests.AssertSame((DictionaryTensorStore)contents.Weights, weights);
        HuggingFaceFolderTests.AssertSame((DictionaryTensorStore)contents.OptimizerState, optimizer);
        Assert.True(JsonNode.DeepEquals(contents.TrainingState, state));
    }

    [Fact]
    public void A_run_without_checkpoints_has_none()
    {
        Assert.Null(Store().FindLatest().Path);
        Assert.False(Directory.Exists(_run.File("checkpoints")));
    }

    [Fact]
    public void Steps_are_ordered_by_number()
    {
        Store().Save(99_999_999, Quick);
        Store().Save(100_000_000, Quick);
        Assert.Equal(100_000_000, Store().FindLatest().Step);
    }

    [Fact]
    public void What_interrupted_saves_left_is_passed_over_and_removed_at_the_next_save()
    {
        Store().Save(100, Quick);
        Directory.CreateDirectory(Folder(200, ".partial"));
        File.WriteAllText(Path.Combine(Folder(200, ".partial"), "model.safetensors"), "the wei");
        Directory.CreateDirectory(Folder(50, ".partial"));
        Directory.CreateDirectory(_run.File("checkpoints", "step-by-step"));

        LatestCheckpoint latest = Store().FindLatest();
        Assert.Equal(100, latest.Step);
        PassedOverCheckpoint passedOver = Assert.Single(latest.PassedOver);
        Assert.Equal(Folder(200, ".partial"), passedOver.Path);
        Assert.Contains("interrupted", passedOver.Reason);

        Store().Save(200, Quick);
        Assert.Equal(["step-00000100", "step-00000200", "step-by-step"], Names());
    }

    public static TheoryData<string, string> Damages => new()
    {
        { "file gone", "config.json is missing" },
        { "bit flipped", "model.safetensors is damaged" },
        { "file cut", "training_state.safetensors has " },
        { "manifest gone", "manifest.json is missing" },
        { "manifest cut", "not valid JSON" },
        { "manifest emptied", "not valid JSON" },
        { "manifest of another kind", "lists no files" },
    };

    static void Damage(string folder, string kind)
    {
        string In(string name) => Path.Combine(folder, name);
        switch (kind)
        {
            case "file gone":
                File.Delete(In("config.json"));
                break;
            case "bit flipped":
                byte[] bytes = File.ReadAllBytes(In("model.safetensors"));
                bytes[^5] ^= 4;
                File.WriteAllBytes(In("model.safetensors"), bytes);
                break;
            case "file cut":
                File.WriteAllBytes(In("training_state.safetensors"), File.ReadAllBytes(In("training_state.safetensors"))[..^1]);
                break;
            case "manifest gone":
                File.Delete(In("manifest.json"));
                break;
            case "manifest cut":
                File.WriteAllText(In("manifest.json"), File.ReadAllText(In("manifest.json"))[..^10]);
                break;
            case "manifest emptied":
                File.WriteAllText(In("manifest.json"), "");
                break;
            case "manifest of another kind":
                File.WriteAllText(In("manifest.json"), "{}");
                break;
        }
    }

    [Theory]
    [MemberData(nameof(Damages))]
    public void A_damaged_checkpoint_is_passed_over_with_the_reason(string kind, string reason)
    {
        Store().Save(100, Contents(100));
        Damage(Store().Save(200, Contents(200)), kind);

        LatestCheckpoint latest = Store().FindLatest();
        Assert.Equal((Folder(100), 100), (latest.Path, latest.Step));
        Assert.Contains(reason, Assert.Single(latest.PassedOver).Reason);
    }

    [Fact]
    public void A_callback_that_fails_leaves_nothing_behind()
    {
        Store().Save(100, Quick);
        Assert.Throws<InvalidOperationException>(() => Store().Save(200, folder =>
        {
            Quick(folder);
            throw new InvalidOperationException();
        }));
        Assert.Equal(["step-00000100"], Names());
        Assert.Equal(100, Store().FindLatest().Step);
    }

    [Fact]
    public void A_full_disk_leaves_older_checkpoints_and_says_what_to_do()
    {
        Store(keepLast: 1).Save(100, Quick);
        var error = Assert.Throws<RunFailureException>(() => Store(keepLast: 1).Save(200, Contents(200) with { WriteTokenizer = FillDisk }));
        Assert.Contains("the disk is full", error.Message);
        Assert.Contains("step 200", error.Message);
        Assert.Equal(["step-00000100"], Names());
        Assert.Null(CheckpointStore.Verify(Folder(100)));
    }

    /// <summary>Linux has a device that is always full; elsewhere the system's error is thrown as .NET would.</summary>
    static void FillDisk(string folder)
    {
        string path = Path.Combine(folder, "tokenizer.json");
        if (!File.Exists("/dev/full"))
            throw new IOException("No space left.", OperatingSystem.IsWindows() ? unchecked((int)0x80070070) : 28);
        File.CreateSymbolicLink(path, "/dev/full");
        using FileStream stream = File.OpenWrite(path);
        SafetensorsWriter.Write(stream, HuggingFaceFolderTests.Weights(s_spec));
    }

    [Fact]
    public void Other_failures_of_the_disk_are_errors_with_its_words()
    {
        Store().Save(100, Quick);
        var error = Assert.Throws<RunFailureException>(() => Store().Save(200, _ => throw new IOException("the disk is on fire.")));
        Assert.Contains("the disk is on fire.", error.Message);
        Assert.Equal(["step-00000100"], Names());
    }

    [Fact]
    public void Only_the_last_ones_stay()
    {
        for (int step = 10; step <= 50; step += 10)
            Store(keepLast: 2).Save(step, Quick);
        Assert.Equal(["step-00000040", "step-00000050"], Names());
    }

    [Fact]
    public void Broken_ones_do_not_count_among_those_to_keep()
    {
        for (int step = 10; step <= 40; step += 10)
            Store().Save(step, Quick);
        File.Delete(Path.Combine(Folder(30), "manifest.json"));
        File.Delete(Path.Combine(Folder(40), "model.safetensors"));
        Store(keepLast: 2).Save(35, Quick);
        Assert.Equal(["step-00000020", "step-00000030", "step-00000035", "step-00000040"], Names());
        Store(keepLast: 1).Save(50, Quick);
        Assert.Equal(["step-00000050"], Names());
    }

    [Fact]
    public void The_one_just_saved_stays_though_newer_ones_exist()
    {
        Store().Save(100, Quick);
        Store().Save(200, Quick);
        Store(keepLast: 1).Save(50, Quick);
        Assert.Contains("step-00000050", Names());
    }

    [Fact]
    public void Saving_a_step_again_replaces_it()
    {
        Store().Save(100, Quick);
        Store().Save(100, folder => File.WriteAllText(Path.Combine(folder, "model.safetensors"), "others"));
        Assert.Equal(["step-00000100"], Names());
        Assert.Equal("others", File.ReadAllText(Path.Combine(Folder(100), "model.safetensors")));
        Assert.Null(CheckpointStore.Verify(Folder(100)));
    }

    [Fact]
    public void A_replacement_that_was_interrupted_loses_nothing()
    {
        Store().Save(100, Quick);
        Directory.Move(Folder(100), Folder(100, ".replaced"));
        Assert.Equal(100, Store().FindLatest().Step);
        Assert.Equal(["step-00000100"], Names());

        Directory.CreateDirectory(Folder(100, ".replaced"));
        Store().Save(200, Quick);
        Assert.Equal(["step-00000100", "step-00000200"], Names());
    }

    [Fact]
    public void A_checkpoint_of_another_model_is_refused_with_the_shapes()
    {
        string saved = Store().Save(1, Contents(1));
        TransformerSpec other = s_spec with { IntermediateSize = 24 };
        string message = Assert.Throws<UserErrorException>(() => CheckpointStore.Load(saved, other,
            new DictionaryTensorStore(ParameterCatalog.Tensors(other)), new DictionaryTensorStore(OptimizerTensors))).Message;
        Assert.Contains("mlp.gate_proj.weight is [20, 12], [24, 12] is wanted", message);

        message = Assert.Throws<UserErrorException>(() => CheckpointStore.Load(saved, s_spec,
            new DictionaryTensorStore(ParameterCatalog.Tensors(s_spec)), new DictionaryTensorStore())).Message;
        Assert.Contains("training_state.safetensors", message);
        Assert.Contains("unknown to the model", message);
    }

    [Fact]
    public void A_model_is_found_by_run_checkpoint_or_folder()
    {
        Store().Save(100, Contents(100));
        string damaged = Store().Save(200, Contents(200));
        Damage(damaged, "bit flipped");
        Assert.Equal(Folder(100), CheckpointStore.ResolveModelFolder(_run.Path, out var passedOver));
        Assert.Single(passedOver);
        Assert.Equal(Folder(100), CheckpointStore.ResolveModelFolder(Folder(100), out _));
        string Error(string path) => Assert.Throws<UserErrorException>(() => CheckpointStore.ResolveModelFolder(path, out _)).Message;
        Assert.Contains("model.safetensors is damaged", Error(damaged));
        Assert.Contains("no such folder", Error(_run.File("absent")));

        Directory.Delete(Folder(100), recursive: true);
        Assert.Contains("step-00000200: model.safetensors is damaged", Error(_run.Path));
        Assert.Contains("holds no config.json", Error(Directory.CreateDirectory(_run.File("empty")).FullName));
        HuggingFaceFolder.Save(_run.File("export"), s_spec, HuggingFaceFolderTests.Weights(s_spec));
        Assert.Equal(_run.File("export"), CheckpointStore.ResolveModelFolder(_run.File("export"), out _));
    }
}
