using System.Runtime.InteropServices;
using Litespark.Devices.Cuda;
using Litespark.Devices.Cuda.Compilation;
using Litespark.Devices.Cuda.Libraries.CublasLt;
using Litespark.Graphs;
using Litespark.Tests.Devices.Cuda.Emulation;

namespace Litespark.Tests.Devices.Cuda.Libraries;

/// <summary>
/// An emulated GPU with the stand-in of cuBLASLt: its products are put into the GPU's streams, so that they run when the stream does and
/// are recorded while it is captured. The library is a fresh copy, whose counters are this GPU's own.
/// </summary>
internal sealed class EmulatedCublasLt : IDisposable
{
    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    delegate void EnqueueWork(nint stream, nint function, nint argument);

    readonly TemporaryFolder folder = new();
    readonly nint library;
    readonly EnqueueWork enqueue;

    /// <param name="choicesFile">Where choices are kept for later runs, or null.</param>
    /// <param name="precision">What the device computes in.</param>
    /// <param name="memoryBytes">How much memory the GPU has.</param>
    /// <param name="compiler">Compiles the kernels; by default as the emulator does.</param>
    public unsafe EmulatedCublasLt(string? choicesFile = null, DataType precision = DataType.BFloat16, long memoryBytes = 141L << 30, IKernelCompiler? compiler = null)
    {
        string path = folder.File("stand-in.so");
        StandInLibrary.BuildFile(path, "stand_in_cublaslt.c");
        library = NativeLibrary.Load(path);
        Driver = new EmulatedDriver(seed: 1, multiprocessors: 2, memoryBytes);
        enqueue = Driver.Enqueue;
        ((delegate* unmanaged<nint, void>)NativeLibrary.GetExport(library, "stand_in_lt_enqueue_by"))(Marshal.GetFunctionPointerForDelegate(enqueue));
        Device = new CudaDevice(Driver, compiler ?? new EmulatedCompiler(), precision, new CublasLtContext(new LibCublasLt(library), Driver, new MatmulChoices(choicesFile)));
    }

    public EmulatedDriver Driver { get; }

    public CudaDevice Device { get; }

    /// <summary>How often algorithms were asked for.</summary>
    public int Searches => Number("stand_in_lt_searches");

    /// <summary>How often a product was called.</summary>
    public int Calls => Number("stand_in_lt_runs");

    /// <summary>Products computed so far by each algorithm of the stand-in.</summary>
    public unsafe int[] Done => [.. Enumerable.Range(0, 7).Select(id => ((delegate* unmanaged<int, int>)NativeLibrary.GetExport(library, "stand_in_lt_done"))(id))];

    public void Dispose()
    {
        Device.Dispose();
        GC.KeepAlive(enqueue);
        folder.Dispose();
    }

    unsafe int Number(string function) => ((delegate* unmanaged<int>)NativeLibrary.GetExport(library, function))();
}
