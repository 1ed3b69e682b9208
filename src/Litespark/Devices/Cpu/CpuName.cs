using System.Runtime.InteropServices;

namespace Litespark.Devices.Cpu;

/// <summary>What the processor calls itself.</summary>
internal static class CpuName
{
    const string CpuInfo = "/proc/cpuinfo";

    /// <summary>The model's name; the architecture where the system tells none.</summary>
    public static string Read()
    {
        string? line = File.Exists(CpuInfo) ? File.ReadLines(CpuInfo).FirstOrDefault(line => line.StartsWith("model name", StringComparison.Ordinal)) : null;
        return line?.Split(':', 2)[^1].Trim() ?? Environment.GetEnvironmentVariable("PROCESSOR_IDENTIFIER") ?? RuntimeInformation.ProcessArchitecture.ToString();
    }
}
