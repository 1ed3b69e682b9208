using System.Runtime.InteropServices;
using System.Text.Json.Nodes;
using Litespark.Devices.Cuda;
using Litespark.Graphs.Ops;
using Litespark.Models;

namespace Litespark.SelfTesting;

/// <summary>What the machine is and what was found on it.</summary>
internal sealed class ProbeStage : SelfTestStage
{
    public override string Name => "probe";

    public override string Purpose => "what the device is, which libraries are there, its peak and its bandwidth";

    public override string? Run(SelfTestContext context)
    {
        Add(context, "system", RuntimeInformation.OSDescription);
        Add(context, "runtime", RuntimeInformation.FrameworkDescription);
        Add(context, "device", context.Device.HardwareName);
        foreach ((string name, string value) in context.Device.Facts) Add(context, name, value);
        if (context.Device is CudaDevice gpu)
            foreach (SelfTestModel model in context.Settings.Models) context.Try($"attention of {model.Preset}", () => AddAttention(context, gpu, model));
        context.Try("peak", () => Add(context, "peak", $"{context.Device.SamplePeakFlops() / 1e12:0.###} TFLOP/s"));
        if (context.Device.FreeMemory is { } free) Add(context, "free memory", $"{free / 1e9:0.0} GB");
        context.Try("bandwidth", () => Add(context, "bandwidth", $"{context.Device.SampleBandwidth() / 1e9:0.#} GB/s (copy, read plus written)"));
        return null;
    }

    /// <summary>Whether cuDNN has plans for a model's attention, and else why not.</summary>
    internal static void AddAttention(SelfTestContext context, CudaDevice gpu, SelfTestModel model)
    {
        TransformerSpec spec = ModelPresets.Get(model.Preset);
        var geometry = new AttentionGeometry(model.MicroBatch, model.SequenceLength, spec.NumAttentionHeads, spec.NumKeyValueHeads, spec.HeadDim);
        foreach ((string problem, _, string outcome) in gpu.TryAttention(geometry)) Add(context, $"{model.Preset}: {problem}", outcome);
    }

    static void Add(SelfTestContext context, string name, string value) => context.Add(true, new JsonObject { ["fact"] = name, ["value"] = value });
}
