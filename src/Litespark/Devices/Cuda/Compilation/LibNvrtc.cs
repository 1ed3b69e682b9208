using System.Runtime.InteropServices;
using System.Text;
using Litespark.Devices.Cuda.Driver;

namespace Litespark.Devices.Cuda.Compilation;

/// <summary>The functions of NVIDIA's run-time compiler that Litespark calls.</summary>
internal sealed unsafe class LibNvrtc
{
    /// <summary>NVRTC_ERROR_COMPILATION.</summary>
    public const int CompilationError = 6;

    readonly delegate* unmanaged<int, byte*> getErrorString;
    readonly delegate* unmanaged<nint*, byte*, byte*, int, byte**, byte**, int> createProgram;
    readonly delegate* unmanaged<nint*, int> destroyProgram;
    readonly delegate* unmanaged<nint, int, byte**, int> compileProgram;
    readonly delegate* unmanaged<nint, nuint*, int> getProgramLogSize, getCubinSize, getPtxSize;
    readonly delegate* unmanaged<nint, byte*, int> getProgramLog, getCubin, getPtx;

    /// <summary>Binds the functions.</summary>
    /// <param name="library">A loaded <c>libnvrtc</c>.</param>
    /// <param name="path">Where it lies: its builtins are beside it, and are not found by name unless the folder is in the loader's path.</param>
    public LibNvrtc(nint library, string? path = null)
    {
        getErrorString = (delegate* unmanaged<int, byte*>)Export("nvrtcGetErrorString");
        createProgram = (delegate* unmanaged<nint*, byte*, byte*, int, byte**, byte**, int>)Export("nvrtcCreateProgram");
        destroyProgram = (delegate* unmanaged<nint*, int>)Export("nvrtcDestroyProgram");
        compileProgram = (delegate* unmanaged<nint, int, byte**, int>)Export("nvrtcCompileProgram");
        getProgramLogSize = (delegate* unmanaged<nint, nuint*, int>)Export("nvrtcGetProgramLogSize");
        getProgramLog = (delegate* unmanaged<nint, byte*, int>)Export("nvrtcGetProgramLog");
        getCubinSize = (delegate* unmanaged<nint, nuint*, int>)Export("nvrtcGetCUBINSize");
        getCubin = (delegate* unmanaged<nint, byte*, int>)Export("nvrtcGetCUBIN");
        getPtxSize = (delegate* unmanaged<nint, nuint*, int>)Export("nvrtcGetPTXSize");
        getPtx = (delegate* unmanaged<nint, byte*, int>)Export("nvrtcGetPTX");

        int major, minor, count;
        Check(((delegate* unmanaged<int*, int*, int>)Export("nvrtcVersion"))(&major, &minor), "nvrtcVersion");
        Version = new Version(major, minor);
        Check(((delegate* unmanaged<int*, int>)Export("nvrtcGetNumSupportedArchs"))(&count), "nvrtcGetNumSupportedArchs");
        Architectures = new int[count];
        fixed (int* first = Architectures) Check(((delegate* unmanaged<int*, int>)Export("nvrtcGetSupportedArchs"))(first), "nvrtcGetSupportedArchs");
        if (Path.GetDirectoryName(path) is { Length: > 0 } folder) LoadBuiltins(folder);

        nint Export(string name) => NativeLibrary.GetExport(library, name);
    }

    /// <summary>Its version.</summary>
    public Version Version { get; }

    /// <summary>Compute capabilities that it knows (90 for 9.0), ascending.</summary>
    public int[] Architectures { get; }

    /// <summary>Compiles a text.</summary>
    /// <param name="text">The whole text: there are no include folders.</param>
    /// <param name="name">What messages call it.</param>
    /// <param name="options">Options as on a command line.</param>
    /// <param name="log">Messages, of a success too.</param>
    /// <returns>A cubin where the options name a real architecture (<c>sm_90</c>), PTX for a virtual one (<c>compute_90</c>); null where the text has errors.</returns>
    public byte[]? Compile(string text, string name, IReadOnlyList<string> options, out string log)
    {
        nint program;
        fixed (byte* source = Utf8(text), title = Utf8(name)) Check(createProgram(&program, source, title, 0, null, null), "nvrtcCreateProgram");
        byte** arguments = stackalloc byte*[options.Count];
        try
        {
            for (int i = 0; i < options.Count; i++) arguments[i] = (byte*)Marshal.StringToCoTaskMemUTF8(options[i]);
            int result = compileProgram(program, options.Count, arguments);
            log = Encoding.UTF8.GetString(Read(program, getProgramLogSize, getProgramLog, "nvrtcGetProgramLog")).TrimEnd('\0', '\n', ' ');
            if (result == CompilationError) return null;
            if (result != 0) Check(result, "nvrtcCompileProgram", log);
            return options.Any(option => option.Contains("compute_", StringComparison.Ordinal))
                ? Read(program, getPtxSize, getPtx, "nvrtcGetPTX")
                : Read(program, getCubinSize, getCubin, "nvrtcGetCUBIN");
        }
        finally
        {
            for (int i = 0; i < options.Count; i++) Marshal.FreeCoTaskMem((nint)arguments[i]);
            _ = destroyProgram(&program);
        }
    }

    byte[] Read(nint program, delegate* unmanaged<nint, nuint*, int> size, delegate* unmanaged<nint, byte*, int> contents, string call)
    {
        nuint length;
        Check(size(program, &length), call + "Size");
        byte[] bytes = new byte[checked((int)length)];
        fixed (byte* first = bytes) Check(contents(program, first), call);
        return bytes;
    }

    void Check(int result, string call, string detail = "")
    {
        if (result != 0) throw new CudaException($"{call}: {Marshal.PtrToStringUTF8((nint)getErrorString(result))} ({result}){(detail.Length == 0 ? "" : "; " + detail)}");
    }

    static void LoadBuiltins(string folder)
    {
        // Once loaded they are found by their name; where they are missing, compiling says so.
        foreach (string file in Directory.EnumerateFiles(folder, OperatingSystem.IsWindows() ? "nvrtc-builtins*.dll" : "libnvrtc-builtins.so*"))
            if (NativeLibrary.TryLoad(file, out _)) return;
    }

    static byte[] Utf8(string text) => Encoding.UTF8.GetBytes(text + '\0');
}
