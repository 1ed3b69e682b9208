using System.Text.Json.Nodes;
using Litespark.Checkpoints;
using Litespark.Models;

namespace Litespark.SelfTesting;

/// <summary>PyTorch beside us on the same device: the same step in its three usual forms, each at its fastest micro-batch, and the losses of both from the same weights and tokens.</summary>
internal sealed class PeerStage : SelfTestStage
{
    const string Script = "torch_llama_cuda.py";
    const int TimedSteps = 10;

    /// <summary>Compiling a model of some billion weights is the longest; no form may use up what the others need.</summary>
    static readonly TimeSpan most = TimeSpan.FromMinutes(2.5), margin = TimeSpan.FromSeconds(20);

    const double LearningRate = 3e-4;

    public override string Name => "peer";

    public override string Purpose => "the same step in PyTorch, and both losses from the same weights and tokens";

    public override string? Run(SelfTestContext context)
    {
        if (context.Settings.Peers is not { } folder || !File.Exists(Path.Combine(folder, Script))) return $"the peer's script {Script} is not here (--peers names its folder)";
        var python = new PythonPeer(Path.Combine(folder, Script));
        string? missing = null;
        context.Try("python", () => missing = python.Missing(context.Deadline));
        if (missing is not null || context.IsOutOfTime) return missing;
        context.Try("losses", () => CompareLosses(context, python));
        foreach (SelfTestModel model in context.Settings.Models.Where(model => ModelPresets.Get(model.Preset).Family == ModelFamily.Llama))
        {
            foreach (string mode in (string[])["eager", "sdpa", "compile"])
            {
                if (!context.HasTime()) return null;
                context.Status($"peer: {model.Preset}, {mode}");
                context.Try($"{model.Preset}, {mode}", () => context.Add(true, Time(context, python, model, mode)));
            }
        }

        return null;
    }

    static JsonObject Time(SelfTestContext context, PythonPeer python, SelfTestModel model, string mode)
    {
        using var scratch = new ScratchFolder();
        string config = scratch.File("config.json");
        File.WriteAllText(config, HuggingFaceConfig.ToJson(ModelPresets.Get(model.Preset), null).ToJsonString());
        // It looks for its fastest micro-batch as long as it has time, and is to end by itself.
        double seconds = context.Settings.Small ? 5 : Math.Max(5, Math.Min(most.TotalSeconds, context.TimeLeft.TotalSeconds) - margin.TotalSeconds);
        JsonObject line = python.Run(["--config", config, "--mode", mode, "--batch", $"{model.MicroBatch}", "--sequence", $"{model.SequenceLength}", "--steps", $"{TimedSteps}", "--seconds", $"{seconds:0}", "--device", context.Device.Name], most, context.Deadline);
        line["model"] = model.Preset;
        return line;
    }

    /// <summary>Both train a small Llama from the same weights on the same tokens, which follow a rule that can be learnt.</summary>
    static void CompareLosses(SelfTestContext context, PythonPeer python)
    {
        (string preset, int rows, int length, int steps) = context.Settings.Small ? ("llama-1m", 2, 16, 5) : context.IsProcessor ? ("llama-15m", 2, 256, 20) : ("llama-15m", 8, 512, 200);
        TransformerSpec spec = ModelPresets.Get(preset);
        if (context.Settings.Small) spec = spec with { NumHiddenLayers = 1, VocabSize = SelfTestSettings.SmallVocabulary };
        using var scratch = new ScratchFolder();
        var curve = new LossCurve(spec, rows, length, steps, context.Settings.Seed, LearningRate);
        curve.WriteTokens(scratch.File("tokens.bin"));
        float[] ours = curve.Run(context.Device, weights => HuggingFaceFolder.Save(scratch.File("model"), spec, weights), context.Deadline);
        python.Run(["--config", Path.Combine(scratch.File("model"), "config.json"), "--weights", Path.Combine(scratch.File("model"), "model.safetensors"), "--tokens", scratch.File("tokens.bin"),
            "--losses", scratch.File("losses.json"), "--mode", "eager", "--batch", $"{rows}", "--sequence", $"{length}", "--steps", $"{steps}", "--learning-rate", $"{LearningRate}", "--device", context.Device.Name], most, context.Deadline);
        float[] theirs = [.. JsonNode.Parse(File.ReadAllText(scratch.File("losses.json")))!.AsArray().Select(node => (float)node!)];
        double worst = ours.Zip(theirs).Max(pair => Math.Abs(pair.First - pair.Second) / pair.Second);
        // Two roundings of the same run part slowly; a wrong gradient parts at once.
        double tolerance = context.Device.Profile.Precision == Graphs.DataType.Float32 ? 1e-3 : 2e-2;
        context.Add(worst <= tolerance, new JsonObject
        {
            ["case"] = "losses", ["model"] = preset, ["passed"] = worst <= tolerance, ["largest_relative_difference"] = worst, ["tolerance"] = tolerance,
            ["ours"] = Numbers(ours), ["theirs"] = Numbers(theirs),
        });
    }

    static JsonArray Numbers(float[] values) => new([.. values.Select(value => (JsonNode)JsonValue.Create(Math.Round(value, 5)))]);
}
