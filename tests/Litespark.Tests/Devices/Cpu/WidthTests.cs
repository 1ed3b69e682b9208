using System.Diagnostics;
using System.Globalization;
using System.Runtime.Intrinsics.X86;
using Xunit.Abstractions;

namespace Litespark.Tests.Devices.Cpu;

/// <summary>A whole training step on narrower registers, which the runtime's switches force in a process of its own.</summary>
public class WidthTests(ITestOutputHelper output)
{
    [Fact]
    public void Every_register_width_trains_alike()
    {
        (int Width, double[] Numbers) widest = Probe();
        (int Width, double[] Numbers)[] narrower =
        [
            Probe("DOTNET_EnableAVX512", "DOTNET_EnableAVX512F"), Probe("DOTNET_EnableAVX2"), Probe("DOTNET_EnableHWIntrinsic"),
        ];
        output.WriteLine($"widths: {widest.Width}, then {string.Join(", ", narrower.Select(probe => probe.Width))}");
        Assert.Equal(12, widest.Numbers.Length);
        foreach ((int width, double[] numbers) in narrower)
        {
            Assert.True(width <= widest.Width);
            for (int i = 0; i < numbers.Length; i++) Assert.Equal(widest.Numbers[i], numbers[i], 1e-5 * widest.Numbers[i]);
        }

        if (!Avx2.IsSupported) return;
        Assert.True(widest.Width >= 8);
        Assert.Equal((8, 4, 4), (narrower[0].Width, narrower[1].Width, narrower[2].Width));
    }

    /// <summary>Width in floats, then loss and gradient norm of every step of both plans.</summary>
    static (int Width, double[] Numbers) Probe(params string[] switchedOff)
    {
        string probe = Path.Combine(AppContext.BaseDirectory, "Litespark.WidthProbe.dll");
        var start = new ProcessStartInfo(Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet", ["exec", probe])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (string name in switchedOff) start.Environment[name] = "0";
        using Process process = Process.Start(start)!;
        Task<string> error = process.StandardError.ReadToEndAsync();
        string[] words = process.StandardOutput.ReadToEnd().Split((char[])['\n', ' '], StringSplitOptions.RemoveEmptyEntries);
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, error.Result);
        return (int.Parse(words[0], CultureInfo.InvariantCulture), [.. words.Skip(1).Select(word => double.Parse(word, CultureInfo.InvariantCulture))]);
    }
}
