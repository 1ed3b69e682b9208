using System.Runtime.InteropServices;

namespace Litespark.Cli.Doctor;

/// <summary>The system's zstd, which reads compressed text.</summary>
internal sealed class ZstdCheck : IDoctorCheck
{
    static readonly string[] names = ["libzstd.so.1", "libzstd.1.dylib", "libzstd.dylib", "/opt/homebrew/lib/libzstd.1.dylib", "libzstd.dll", "zstd.dll"];

    public IEnumerable<DoctorFinding> Run()
    {
        yield return Array.Find(names, IsLoadable) is { } name
            ? new DoctorFinding("libzstd", true, $"{name}: .jsonl.zst can be read")
            : new DoctorFinding("libzstd", false, "not found: .jsonl.zst cannot be read; everything else works", "Install it: apt install libzstd1, dnf install libzstd, brew install zstd, or a libzstd.dll in the PATH.");
    }

    static bool IsLoadable(string name)
    {
        if (!NativeLibrary.TryLoad(name, out nint handle)) return false;
        NativeLibrary.Free(handle);
        return true;
    }
}
