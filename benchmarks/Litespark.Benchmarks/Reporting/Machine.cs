using System.Runtime.InteropServices;
using Litespark.Devices.Cpu;
using Litespark.Devices.Cpu.Simd;

namespace Litespark.Benchmarks.Reporting;

/// <summary>What a figure depends on.</summary>
internal static class Machine
{
    /// <summary>What times depend on most.</summary>
    public static string Processor => Words(CpuName.Read(), Environment.ProcessorCount, $"{SimdWidth.Count * 32} bits");

    /// <summary>A processor in the words of result pages; its registers as the device names them (<c>256 bits</c>).</summary>
    public static string Words(string hardware, int usable, string registers) => $"{hardware}, {usable} usable, {registers.Replace(" bits", "-bit registers", StringComparison.Ordinal)}";

    /// <summary>Processor, memory, system and runtime, with the day.</summary>
    public static IEnumerable<(string Name, string Value)> Versions()
    {
        yield return ("date", DateTime.UtcNow.ToString("yyyy-MM-dd HH:mm") + " UTC");
        yield return ("processor", Processor);
        if (MachineMemory.Total is { } bytes) yield return ("memory", Figures.Bytes(bytes));
        yield return ("system", $"{SystemName()}, {RuntimeInformation.ProcessArchitecture}");
        yield return ("runtime", RuntimeInformation.FrameworkDescription);
    }

    static string SystemName()
    {
        const string Release = "/etc/os-release", Key = "PRETTY_NAME=";
        string? line = File.Exists(Release) ? File.ReadLines(Release).FirstOrDefault(line => line.StartsWith(Key, StringComparison.Ordinal)) : null;
        return line?[Key.Length..].Trim('"') ?? RuntimeInformation.OSDescription;
    }
}
