using System.Runtime.InteropServices;

namespace Litespark.Cli.Doctor;

/// <summary>The system's zstd, which reads compressed text.</summary>
internal sealed class ZstdCheck : IDoctorCheck
{
    public IEnumerable<DoctorFinding> Run()
    {
        yield return NativeLibraries.FirstLoadable("libzstd.so.1", "libzstd.1.dylib", "libzstd.dylib", "/opt/homebrew/lib/libzstd.1.dylib", "libzstd.dll", "zstd.dll") is { } name
            ? new DoctorFinding("libzstd", true, $"{name}: .jsonl.zst can be read")
            : new DoctorFinding("libzstd", false, "not found: .jsonl.zst cannot be read; everything else works", "Install it: apt install libzstd1, dnf install libzstd, brew install zstd, or a libzstd.dll in the PATH.");
    }
}

/// <summary>The NVIDIA driver.</summary>
internal sealed class CudaCheck : IDoctorCheck
{
    public IEnumerable<DoctorFinding> Run()
    {
        yield return NativeLibraries.FirstLoadable("libcuda.so.1", "nvcuda.dll") is { } name
            ? new DoctorFinding("NVIDIA driver", true, name)
            : new DoctorFinding("NVIDIA driver", false, "libcuda not found: training runs on the CPU", "Only where there is an NVIDIA GPU: install its driver (in a container, start it with GPU access).");
    }
}

/// <summary>Looks for shared libraries.</summary>
internal static class NativeLibraries
{
    /// <summary>The first name that the system's loader finds, or null. The library is let go of again.</summary>
    public static string? FirstLoadable(params string[] names)
    {
        foreach (string name in names)
        {
            if (!NativeLibrary.TryLoad(name, out nint handle)) continue;
            NativeLibrary.Free(handle);
            return name;
        }
        return null;
    }
}
