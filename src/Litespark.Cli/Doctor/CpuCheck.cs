using System.Runtime.InteropServices;
using Litespark.Devices.Cpu;
using Litespark.Devices.Cpu.Simd;

namespace Litespark.Cli.Doctor;

/// <summary>The processor, the threads that this process may use, and the width of its vectors.</summary>
internal sealed class CpuCheck : IDoctorCheck
{
    public IEnumerable<DoctorFinding> Run()
    {
        yield return new DoctorFinding("cpu", true, CpuName.Read());

        int usable = Environment.ProcessorCount; // affinity and cgroup limits are taken off
        int all = CountProcessors();
        string limit = all > usable ? $" of {all}: the rest is taken off by an affinity mask or a cgroup's cpu limit" : "";
        yield return new DoctorFinding("threads", true, $"{usable} usable{limit}");

        bool wide = SimdWidth.Count >= 8 || RuntimeInformation.ProcessArchitecture == Architecture.Arm64;
        yield return new DoctorFinding("vectors", wide, $"{SimdWidth.Name}, {SimdWidth.Count} floats at once",
            wide ? null : "Training works, slowly. If the machine has AVX2, look for DOTNET_EnableAVX2=0 or DOTNET_EnableHWIntrinsic=0 in the environment.");
    }

    static int CountProcessors() => Lines("/proc/cpuinfo").Count(line => line.StartsWith("processor", StringComparison.Ordinal));

    static string[] Lines(string file) => File.Exists(file) ? File.ReadAllLines(file) : [];
}
