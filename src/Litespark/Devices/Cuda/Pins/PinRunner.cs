using Litespark.Devices.Cuda.Compilation;
using Litespark.Devices.Cuda.Driver;
using Litespark.Devices.Cuda.Launching;

namespace Litespark.Devices.Cuda.Pins;

/// <summary>Runs pins on a GPU.</summary>
internal sealed unsafe class PinRunner(KernelLibrary kernels)
{
    readonly ICudaDriver driver = kernels.Driver;

    /// <summary>Runs a pin; whatever goes wrong is its problem.</summary>
    public PinResult Run(Pin pin)
    {
        try
        {
            return new PinResult(pin, pin.Difference(Results(pin)));
        }
        catch (Exception error) when (error is CudaException or KernelCompilationException)
        {
            return new PinResult(pin, error.Message);
        }
    }

    uint[] Results(Pin pin)
    {
        using var stream = new CudaStream(driver);
        using var input = new DeviceMemory(driver, pin.Input.Length * sizeof(uint));
        using var output = new DeviceMemory(driver, pin.Expected.Length * sizeof(uint));
        using var host = new PinnedMemory(driver, Math.Max(input.ByteLength, output.ByteLength));
        var words = new Span<uint>((void*)host.Value, (int)(host.ByteLength / sizeof(uint)));
        pin.Input.CopyTo(words);
        driver.CopyToDevice(input.Value, host.Value, input.ByteLength, stream.Value);
        stream.Synchronize();
        words.Fill(Pin.Untouched);
        driver.CopyToDevice(output.Value, host.Value, output.ByteLength, stream.Value);
        ReadOnlySpan<KernelArgument> arguments = pin.Box is { } box ? [input.Value, output.Value, box with { Address = input.Value }] : [input.Value, output.Value];
        using (var call = new KernelLaunch(driver, kernels.Function(pin.Variant, pin.Kernel), pin.Shape, arguments)) call.Enqueue(stream.Value);
        driver.CopyToHost(host.Value, output.Value, output.ByteLength, stream.Value);
        stream.Synchronize();
        return words[..pin.Expected.Length].ToArray();
    }
}
