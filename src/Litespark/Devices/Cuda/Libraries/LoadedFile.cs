using System.Runtime.InteropServices;

namespace Litespark.Devices.Cuda.Libraries;

/// <summary>The file behind a loaded library.</summary>
internal static unsafe class LoadedFile
{
    /// <summary>Path of the file that a function of a library lies in, or null where the system does not tell.</summary>
    /// <param name="library">A loaded library.</param>
    /// <param name="function">A function that it exports.</param>
    public static string? Of(nint library, string function)
    {
        if (OperatingSystem.IsWindows() || !NativeLibrary.TryGetExport(library, function, out nint address)) return null;
        if (!NativeLibrary.TryGetExport(NativeLibrary.GetMainProgramHandle(), "dladdr", out nint dladdr)) return null;
        SymbolInformation information = default;
        return ((delegate* unmanaged<nint, SymbolInformation*, int>)dladdr)(address, &information) != 0 ? Marshal.PtrToStringUTF8((nint)information.File) : null;
    }

    /// <summary>Dl_info of <c>dlfcn.h</c>.</summary>
    [StructLayout(LayoutKind.Sequential)]
    struct SymbolInformation
    {
        public byte* File;
        public nint FileBase;
        public byte* SymbolName;
        public nint SymbolAddress;
    }
}
