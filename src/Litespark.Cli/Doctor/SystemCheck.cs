using System.Reflection;
using System.Runtime.InteropServices;

namespace Litespark.Cli.Doctor;

/// <summary>The program itself, the operating system and .NET.</summary>
internal sealed class SystemCheck : IDoctorCheck
{
    public IEnumerable<DoctorFinding> Run()
    {
        string version = typeof(SystemCheck).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "unknown";
        yield return new DoctorFinding("litespark", true, version);
        yield return new DoctorFinding("operating system", true, $"{RuntimeInformation.OSDescription} ({RuntimeInformation.OSArchitecture.ToString().ToLowerInvariant()})");
        yield return new DoctorFinding(".NET", true, $"{RuntimeInformation.FrameworkDescription}, {RuntimeInformation.RuntimeIdentifier}");
    }
}
