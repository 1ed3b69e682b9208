using System.Runtime.InteropServices;
using System.Text;

namespace Litespark.Devices.Cuda.Libraries;

/// <summary>One of NVIDIA's libraries: under which names it is looked for, and what makes a find usable.</summary>
/// <param name="Name">What people call it.</param>
/// <param name="Purpose">What it is used for, and what stands in for it.</param>
/// <param name="LinuxFiles">File names, best first.</param>
/// <param name="WindowsFiles">File names, best first.</param>
/// <param name="EntryPoint">A function that a usable version has.</param>
/// <param name="Oldest">Oldest version that is used.</param>
/// <param name="ReadVersion">Asks the loaded library for its version; null where it does not say.</param>
/// <param name="ComesWithDriver">It belongs to the driver: toolkits and Python packages have none, or a stub.</param>
internal sealed record NvidiaLibrary(
    string Name, string Purpose, string[] LinuxFiles, string[] WindowsFiles, string EntryPoint, Version Oldest, Func<nint, Version?> ReadVersion, bool ComesWithDriver = false)
{
    static readonly Version Cuda12 = new(12, 0);

    /// <summary>Its version counts as CUDA's does: a driver for an earlier CUDA cannot run it.</summary>
    public bool HasCudasVersion { get; init; }

    /// <summary>Names, or patterns of them, of the files that it is made of beside itself, in the order in which they need each other; it asks the loader for them when it needs them.</summary>
    public string[] Parts { get; init; } = [];

    /// <summary>It asks the loader for the compiler of the CUDA release that it was built for.</summary>
    public bool NeedsCompiler { get; init; }

    /// <summary>The driver.</summary>
    public static NvidiaLibrary Driver { get; } = new("libcuda", "runs everything on the GPU: without it training runs on the CPU",
        ["libcuda.so.1"], ["nvcuda.dll"], "cuGraphInstantiateWithFlags", Cuda12, handle => OfCuda(Integer(handle, "cuDriverGetVersion")), ComesWithDriver: true);

    /// <summary>The compiler of the kernels.</summary>
    public static NvidiaLibrary Compiler { get; } = new("libnvrtc", "compiles the kernels: training on the GPU needs it",
        ["libnvrtc.so.13", "libnvrtc.so.12", "libnvrtc.so"], ["nvrtc64_130_0.dll", "nvrtc64_120_0.dll"], "nvrtcGetCUBIN", Cuda12, TwoIntegers)
    {
        HasCudasVersion = true, Parts = ["libnvrtc-builtins.so.*", "nvrtc-builtins64_*.dll"],
    };

    /// <summary>The compiler of one CUDA release.</summary>
    public static NvidiaLibrary CompilerOf(int release) => Compiler with { LinuxFiles = [$"libnvrtc.so.{release}"], WindowsFiles = [$"nvrtc64_{release}0_0.dll"] };

    /// <summary>Matrix products.</summary>
    public static NvidiaLibrary CublasLt { get; } = new("libcublasLt", "multiplies matrices: without it our own kernels do",
        ["libcublasLt.so.13", "libcublasLt.so.12"], ["cublasLt64_13.dll", "cublasLt64_12.dll"], "cublasLtMatmulAlgoGetHeuristic", Cuda12, handle => OfDecimal(Size(handle, "cublasLtGetVersion")))
    {
        HasCudasVersion = true,
    };

    /// <summary>Attention.</summary>
    public static NvidiaLibrary Cudnn { get; } = new("libcudnn", "computes attention: without it our own kernels do",
        ["libcudnn.so.9"], ["cudnn64_9.dll"], "cudnnBackendExecute", new Version(9, 0), handle => OfDecimal(Size(handle, "cudnnGetVersion")))
    {
        NeedsCompiler = true, Parts = ["libcudnn_graph.so.9", "libcudnn_ops.so.9", "libcudnn_*.so.9", "cudnn_graph64_9.dll", "cudnn_ops64_9.dll", "cudnn_*64_9.dll"],
    };

    /// <summary>Communication between GPUs.</summary>
    public static NvidiaLibrary Nccl { get; } = new("libnccl", "lets several GPUs work together: one GPU does not need it",
        ["libnccl.so.2"], [], "ncclCommInitRank", new Version(2, 18), handle => OfDecimal((nuint)Integer(handle, "ncclGetVersion")));

    /// <summary>Energy, clocks and temperature.</summary>
    public static NvidiaLibrary Management { get; } = new("libnvidia-ml", "measures the GPU's energy: without it joules are estimates",
        ["libnvidia-ml.so.1"], ["nvml.dll"], "nvmlInit_v2", new Version(0, 0), ManagementVersion, ComesWithDriver: true);

    /// <summary>All of them, the indispensable ones first.</summary>
    public static IReadOnlyList<NvidiaLibrary> All { get; } = [Driver, Compiler, CublasLt, Cudnn, Nccl, Management];

    /// <summary>File names on this system.</summary>
    public string[] Files => OperatingSystem.IsWindows() ? WindowsFiles : LinuxFiles;

    static unsafe int Integer(nint library, string function)
    {
        int value = 0;
        _ = ((delegate* unmanaged<int*, int>)NativeLibrary.GetExport(library, function))(&value);
        return value;
    }

    static unsafe nuint Size(nint library, string function) => ((delegate* unmanaged<nuint>)NativeLibrary.GetExport(library, function))();

    static unsafe Version TwoIntegers(nint library)
    {
        int major = 0, minor = 0;
        _ = ((delegate* unmanaged<int*, int*, int>)NativeLibrary.GetExport(library, "nvrtcVersion"))(&major, &minor);
        return new Version(major, minor);
    }

    static unsafe Version? ManagementVersion(nint library)
    {
        const int Length = 80; // NVML_SYSTEM_NVML_VERSION_BUFFER_SIZE
        byte* text = stackalloc byte[Length];
        int result = ((delegate* unmanaged<byte*, uint, int>)NativeLibrary.GetExport(library, "nvmlSystemGetNVMLVersion"))(text, Length);
        return result == 0 && Version.TryParse(Encoding.ASCII.GetString(MemoryMarshal.CreateReadOnlySpanFromNullTerminated(text)), out Version? version) ? version : null;
    }

    /// <summary>1000 · major + 10 · minor.</summary>
    static Version OfCuda(int number) => new(number / 1000, number % 1000 / 10);

    /// <summary>10000 · major + 100 · minor + patch; before cuBLAS 12, cuDNN 9 and NCCL 2.9 it was 1000 · major.</summary>
    static Version OfDecimal(nuint number)
    {
        int value = (int)number, unit = value >= 20000 ? 10000 : 1000;
        return new Version(value / unit, value % unit / 100, value % 100);
    }
}
