using System.Text.Json.Nodes;
using Litespark.Devices.Cuda;
using Litespark.Devices.Cuda.Pins;

namespace Litespark.SelfTesting;

/// <summary>Every wrapper of the hardware against the definition of its instruction: what all kernels stand on.</summary>
internal sealed class PinStage : SelfTestStage
{
    public override string Name => "pins";

    public override string Purpose => "every wrapper of a GPU's instruction against its definition";

    public override string? Run(SelfTestContext context)
    {
        if (context.Device is not CudaDevice gpu) return $"the kernels of {context.Device.Name} have no wrappers that another machine was tested with";
        foreach (Pin pin in PinSet.For(gpu.Architecture, context.Settings.Seed))
        {
            if (!context.Wants(pin.Name)) continue;
            if (!context.HasTime()) return null;
            PinResult result = gpu.Run(pin);
            if (result.Problem is not null) context.Status($"{pin.Name}: {result.Problem}");
            context.Add(result.Problem is null, new JsonObject { ["pin"] = pin.Name, ["kernel"] = $"{pin.Variant}", ["passed"] = result.Problem is null, ["problem"] = result.Problem });
        }

        return null;
    }
}
